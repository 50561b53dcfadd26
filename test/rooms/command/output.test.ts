import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { Output } from '../../../src/command/output.js'
import { sleep } from '../../../src/base/clock.js'
import { givenProctor, node, shell } from '../given.js'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** The bytes in buffers that something still references. */
const held = (): number => {
  collectGarbage()
  return process.memoryUsage().arrayBuffers
}

const bytes = (text: string): Buffer => Buffer.from(text)

describe('output', () => {
  test('keeps both streams in the order in which they were read', () => {
    const output = new Output(1000)
    output.append('stdout', bytes('one '))
    output.append('stderr', bytes('two '))
    output.append('stdout', bytes('three'))
    expect(output.text()).toBe('one two three')
    expect(output.text('stdout')).toBe('one three')
    expect(output.text('stderr')).toBe('two ')
  })

  test('a character that is split across reads is whole', () => {
    const output = new Output(1000)
    const euro = bytes('a€🙂b')
    for (const byte of euro) output.append('stdout', Buffer.from([byte]))
    expect(output.text()).toBe('a€🙂b')
  })

  test('so is one that is split across reads with the other stream between them', () => {
    const output = new Output(1000)
    const smile = bytes('🙂')
    output.append('stdout', smile.subarray(0, 2))
    output.append('stderr', bytes('!'))
    output.append('stdout', smile.subarray(2))
    expect(output.text()).toBe('!🙂')
    expect(output.text('stdout')).toBe('🙂')
  })

  test('and one that is split across a mark belongs to what comes after it', () => {
    const output = new Output(1000)
    const smile = bytes('🙂')
    output.append('stdout', bytes('before'))
    output.append('stdout', smile.subarray(0, 3))
    const mark = output.mark()
    output.append('stdout', smile.subarray(3))
    output.append('stdout', bytes('after'))
    expect(output.text('output', mark)).toBe('🙂after')
    expect(output.text()).toBe('before🙂after')
  })

  test('after a mark nothing has come until something comes, half a character before it or not', () => {
    const output = new Output(1000)
    output.append('stdout', bytes('🙂').subarray(0, 2))
    expect(output.text('output', output.mark())).toBe('')
  })

  test('invalid UTF-8 is shown as such, and nothing around it is lost', () => {
    const output = new Output(1000)
    output.append('stdout', Buffer.from([0x61, 0xff, 0x62, 0xe2, 0x82]))
    expect(output.text()).toBe('a\ufffdb\ufffd')
  })

  test('a mark is a place between two pieces, however small and quick they are', () => {
    const output = new Output(1000)
    output.append('stdout', bytes('a'))
    output.append('stdout', bytes('b'))
    const mark = output.mark()
    output.append('stdout', bytes('c'))
    expect(output.text('output', mark)).toBe('c')
    expect(output.text('stdout', mark)).toBe('c')
    expect(output.text('stderr', mark)).toBe('')
  })

  test('keeps the newest bytes of each stream, and says how many went', () => {
    const output = new Output(10)
    output.append('stdout', bytes('0123456789'))
    expect(output.text()).toBe('0123456789')
    output.append('stderr', bytes('e'))
    output.append('stdout', bytes('abc'))
    expect(output.text('stdout')).toBe('[… 3 bytes of stdout are not kept …]\n3456789abc')
    expect(output.text('stderr')).toBe('e')
    expect(output.text()).toBe('[… 3 bytes of stdout are not kept …]\n3456789eabc')
    output.append('stderr', bytes('-'.repeat(30)))
    expect(output.text('stderr')).toBe(`[… 21 bytes of stderr are not kept …]\n${'-'.repeat(10)}`)
  })

  test('a mark stays valid when output was dropped: what is left counts', () => {
    const output = new Output(10)
    output.append('stdout', bytes('0123456789'))
    const mark = output.mark()
    output.append('stdout', bytes('abcdefghijklmno'))
    expect(output.text('output', mark)).toBe('[… 15 bytes of stdout are not kept …]\nfghijklmno')
  })

  test('keeps nothing if the limit is 0', () => {
    const output = new Output(0)
    output.append('stdout', bytes('abc'))
    expect(output.text()).toBe('[… 3 bytes of stdout are not kept …]\n')
    expect(output.lastLines(10)).toEqual([])
  })

  test('a quiet stream does not keep alive what the other one dropped', () => {
    const piece = Buffer.alloc(100, 'x')
    const timeToFill = (output: Output): number => {
      const begin = performance.now()
      for (let round = 0; round < 100_000; round += 1) output.append('stdout', piece)
      return performance.now() - begin
    }
    const alone = timeToFill(new Output(1000))
    const output = new Output(1000)
    output.append('stderr', bytes('a warning first\n'))
    // If each piece cost a walk over all that was dropped, it would take thousands of times as long.
    expect(timeToFill(output) / alone).toBeLessThan(100)
    expect(output.text()).toBe(`[… 9999000 bytes of stdout are not kept …]\na warning first\n${'x'.repeat(1000)}`)
  })

  test('the limit never cuts a character', () => {
    const output = new Output(4)
    output.append('stdout', bytes('€€'))
    expect(output.text('stdout')).toBe('[… 3 bytes of stdout are not kept …]\n€')
  })

  test('costs what it holds, however small the pieces are', async () => {
    const output = new Output(16 * 1024 * 1024)
    const before = held()
    // Streams that alternate, as a server's log and its warnings do, so that no two chunks can be joined.
    for (let line = 0; line < 20_000; line += 1) {
      output.append(line % 2 === 0 ? 'stdout' : 'stderr', bytes(`line ${line}\n`))
    }
    // V8 frees buffers in the background.
    await expect.poll(() => held() - before, { timeout: 5000 }).toBeLessThan(1024 * 1024)
    expect(output.text('stdout')).toContain('line 19998\n')
  })

  test('drops old pieces for good', async () => {
    const output = new Output(64 * 1024)
    const before = held()
    const piece = Buffer.alloc(1024, 'x')
    for (let round = 0; round < 30_000; round += 1) output.append(round % 2 === 0 ? 'stdout' : 'stderr', piece)
    expect(output.text('stdout')).toHaveLength(64 * 1024 + '[… 15294464 bytes of stdout are not kept …]\n'.length)
    // V8 frees buffers in the background.
    await expect.poll(() => held() - before, { timeout: 5000 }).toBeLessThan(1024 * 1024)
  })
})

describe('the last lines', () => {
  const texts = (output: Output, count: number): string[] => output.lastLines(count).map(({ text }) => text)

  test('are the newest, each of one stream', () => {
    const output = new Output(10_000)
    for (let line = 1; line <= 30; line += 1) output.append('stdout', bytes(`line ${line}\n`))
    output.append('stderr', bytes('bad'))
    expect(texts(output, 3)).toEqual(['line 29', 'line 30', 'bad'])
    expect(output.lastLines(1)).toEqual([{ stream: 'stderr', time: expect.any(Number), text: 'bad' }])
  })

  test('are whole when they came byte by byte, with time between the bytes', async () => {
    const output = new Output(10_000)
    for (const letter of 'the first line of them all\nthe second line, which is longer than the first\n') {
      output.append('stdout', bytes(letter))
      await sleep(1)
    }
    expect(texts(output, 10)).toEqual(['the first line of them all', 'the second line, which is longer than the first'])
  })

  test('are whole when a single piece holds many', () => {
    const output = new Output(1_000_000)
    output.append('stdout', bytes(Array.from({ length: 5000 }, (_, line) => `line ${line}`).join('\n')))
    expect(texts(output, 2)).toEqual(['line 4998', 'line 4999'])
  })

  test('of a huge line without an end are the end of it', () => {
    const output = new Output(16 * 1024 * 1024)
    output.append('stdout', Buffer.alloc(8 * 1024 * 1024, 'x'))
    output.append('stdout', bytes('the end'))
    const [line, ...more] = texts(output, 10)
    expect(more).toEqual([])
    expect(line!.length).toBeLessThan(3000)
    expect(line).toMatch(/^….*xxxthe end$/)
  })
})

describe('the output of a command', () => {
  test('that writes byte by byte is whole, and found', async () => {
    const proctor = await givenProctor()
    const script =
      'const bytes = Buffer.from("naïve €uro 🙂 done\\n"); let at = 0;' +
      'const next = () => { if (at < bytes.length) process.stdout.write(bytes.subarray(at, ++at), () => setTimeout(next, 1)) }; next()'
    const process = node(proctor, script)
    await process.waitForOutput('naïve €uro 🙂 done')
    await process.waitForSuccessfulExit()
    expect(process.output).toBe('naïve €uro 🙂 done\n')
  })

  test('is read when nobody looks: no command blocks on a full pipe', async () => {
    const proctor = await givenProctor({ maxOutput: 1000 })
    const process = shell(proctor, 'head -c 5000000 /dev/zero | tr "\\0" x; head -c 3000000 /dev/zero | tr "\\0" y >&2')
    const { exitCode, stdout, stderr } = await process.waitForSuccessfulExit()
    expect(exitCode).toBe(0)
    expect(stdout).toBe(`[… 4999000 bytes of stdout are not kept …]\n${'x'.repeat(1000)}`)
    expect(stderr).toBe(`[… 2999000 bytes of stderr are not kept …]\n${'y'.repeat(1000)}`)
  })

  test('in one huge line is found while it grows', async () => {
    const proctor = await givenProctor()
    const process = shell(proctor, 'head -c 8000000 /dev/zero | tr "\\0" x; printf needle; exec sleep 60')
    const output = await process.waitForOutput('needle')
    expect(output).toHaveLength(8_000_006)
    await process.kill()
  })

  test('for the second time: since a mark', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('cat')
    await process.write('rebuilt\n')
    await process.waitForOutput('rebuilt')
    const mark = process.mark()
    await process.write('once more rebuilt\n')
    expect(await process.waitForOutput('rebuilt', { since: mark })).toBe('once more rebuilt\n')
    expect((await process.waitForOutput(/(\w+) rebuilt/, { since: mark }))[1]).toBe('more')
    await process.endInput()
    await process.waitForSuccessfulExit()
  })

  test('can be told apart by stream', async () => {
    const proctor = await givenProctor()
    const process = shell(proctor, 'echo out; echo err >&2; exec sleep 60')
    expect(await process.waitForOutput('err', { stream: 'stderr' })).toBe('err\n')
    expect(await process.waitForOutput('out', { stream: 'stdout' })).toBe('out\n')
    await expect(process.waitForOutput('err', { stream: 'stdout', timeout: 50 })).rejects.toThrow('Timed out')
    await process.kill()
  })
})

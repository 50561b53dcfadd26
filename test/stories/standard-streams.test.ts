import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { expect, test } from 'proctor/vitest'
import { describe, onTestFinished } from 'vitest'

// What a program finds as its standard streams, where a shell would have given it pipes.

const lines = 'for (let i = 0; i < 5000; i++) console.log(i); process.exit()'
const all = Array.from({ length: 5000 }, (_, number) => `${number}\n`).join('')

describe('The standard streams of a command are pipes', () => {
  test('everything written before process.exit() arrives, to the last line', async ({ run }) => {
    for (let round = 0; round < 10; round += 1) {
      const { stdout } = await run('node', ['-e', lines]).waitForSuccessfulExit()
      expect(stdout).toBe(all)
    }
  })

  test('/dev/stdin, /dev/stdout and /dev/stderr can be opened', async ({ run }) => {
    const script = 'cat /dev/stdin; echo out > /dev/stdout; echo err > /dev/stderr; echo both | tee /dev/stderr'
    const { stdout, stderr } = await run('sh', ['-c', script], { input: 'in\n' }).waitForSuccessfulExit()
    expect([stdout, stderr]).toEqual(['in\nout\nboth\n', 'err\nboth\n'])
  })

  test('they look like pipes', async ({ run }) => {
    const script = 'for stream in stdin stdout stderr; do test -p /dev/$stream && echo $stream; done'
    const { stdout } = await run('sh', ['-c', script]).waitForSuccessfulExit()
    expect(stdout).toBe('stdin\nstdout\nstderr\n')
  })

  test('reading continues where another program stopped', async ({ run }) => {
    const script = 'read first; read second < /dev/stdin; echo "$first $second"; cat'
    const { stdout } = await run('sh', ['-c', script], { input: 'a\nb\nc\n' }).waitForSuccessfulExit()
    expect(stdout).toBe('a b\nc\n')
  })
})

/** The files of this process that a child inherits. */
const inheritable = (): string[] =>
  readdirSync('/proc/self/fd').flatMap((number) => {
    try {
      const flags = /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${number}`, 'utf8'))![1]!
      return (Number.parseInt(flags, 8) & 0o2000000) === 0 ? [readlinkSync(`/proc/self/fd/${number}`)] : []
    } catch {
      return [] // The descriptor of the folder itself.
    }
  })

describe('A command inherits nothing else', () => {
  test('no file that the tests have open', async ({ run }) => {
    const file = openSync(import.meta.filename, 'r')
    onTestFinished(() => closeSync(file))
    const other = run('cat')
    const { stdout } = await run('sh', ['-c', 'ls -l /proc/$$/fd']).waitForSuccessfulExit()
    await other.kill()
    const targets = stdout.split('\n').flatMap((line) => / -> (.+)$/.exec(line)?.[1] ?? [])
    expect(targets).not.toContain(readlinkSync(`/proc/self/fd/${file}`))
    // Whatever started the tests may have left them a file that their children inherit. It is not theirs to close.
    const given = inheritable()
    expect(targets.filter((target) => target.startsWith('pipe:') && !given.includes(target))).toHaveLength(3)
    expect(targets.filter((target) => /^(?:socket|anon_inode):/.test(target) && !given.includes(target))).toEqual([])
  })

  test('no signal that is blocked or ignored', async ({ run }) => {
    const ignored = (): void => {}
    process.on('SIGUSR2', ignored)
    onTestFinished(() => void process.off('SIGUSR2', ignored))
    const { stdout } = await run('grep', ['-E', '^Sig(Blk|Ign)', '/proc/self/status']).waitForSuccessfulExit()
    expect(stdout).toBe('SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n')
  })
})

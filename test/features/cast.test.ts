import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createProctor } from 'proctor'
import { expect, onTestFinished, test } from 'vitest'
import { writeCasts } from '../../src/trace/cast.js'
import { makeFolder, removeFolder } from '../machine.js'

// The recorded session of a terminal beside its trace, in the format of
// https://docs.asciinema.org/manual/asciicast/v2/.

type Event = readonly [number, string, string]

function readCast(path: string): { header: Record<string, unknown>; events: Event[] } {
  const [header, ...events] = readFileSync(path, 'utf8').trimEnd().split('\n')
  return {
    header: JSON.parse(header!) as Record<string, unknown>,
    events: events.map((line) => JSON.parse(line) as Event),
  }
}

const asks = `printf 'name? '; read name; printf 'hello \\033[1m%s\\033[0m \u20ac %s\\n' "$name" "$API_TOKEN"; read rest`

test('a session is kept beside its trace, with its size, keys and secrets', async () => {
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  const proctor = await createProctor({ trace: 'on', traceDir: folder, env: { API_TOKEN: 'not-to-be-shown' } })
  const program = proctor.run('sh', ['-c', asks], { terminal: { columns: 60, rows: 10 } })
  await program.waitForScreen('name?')
  program.resize(70, 12)
  await program.press('a', 'b', 'Enter')
  await program.waitForScreen('hello ab')
  await program.press('Enter')
  await program.waitForSuccessfulExit()
  await proctor.run('sh', ['-c', 'echo second'], { terminal: true }).waitForSuccessfulExit()
  const { trace } = await proctor.teardown()

  const { header, events } = readCast(trace!.replace(/html$/, 'cast'))
  expect(header).toMatchObject({ version: 2, width: 60, height: 10, env: { TERM: 'xterm-256color' } })
  const textOf = (wanted: string): string =>
    events.flatMap(([, code, text]) => (code === wanted ? [text] : [])).join('')
  expect(textOf('o')).toContain('hello \u001B[1mab\u001B[0m \u20ac $API_TOKEN\r\n')
  expect(textOf('i')).toBe('ab\r\r')
  expect(textOf('r')).toBe('70x12')
  const times = events.map(([time]) => time)
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  expect(
    readCast(trace!.replace('.html', '-2.cast'))
      .events.map(([, , text]) => text)
      .join(''),
  ).toBe('second\r\n')
})

test('a test that passes keeps none, and removes what an earlier run has left', async () => {
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  const proctor = await createProctor({ trace: 'on-failure', traceDir: folder })
  await proctor.run('true', [], { terminal: true }).waitForSuccessfulExit()
  await proctor.teardown()
  expect(readdirSync(folder)).toEqual([])
  for (const name of ['a.cast', 'a-2.cast', 'b.cast']) writeFileSync(join(folder, name), '')
  writeCasts(join(folder, 'a.html'), [])
  expect(readdirSync(folder)).toEqual(['b.cast'])
})

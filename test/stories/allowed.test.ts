import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createProctor, type Proctor } from 'proctor'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { endByCommandLine, eventually, findByCommandLine, makeFolder, removeFolder, uniqueNumber } from '../machine.js'

// What an allowed process starts is allowed, too, however it is started.

const folder = makeFolder()
afterAll(() => removeFolder(folder))

/**
 * A daemon in a session of its own that starts a helper when a file is there, and again when the next one is. As long as
 * it works in the workspace, it may not live on, so it says when it has left that.
 */
const daemon = (helper: string): string => `
cd /
exec </dev/null >/dev/null 2>&1
: > "$1-up"
for file; do
  until [ -e "$file" ]; do sleep 0.02; done
  ${helper}
done
while :; do sleep 1; done`

const helpers = {
  'its parent has gone': (number: string) => `(sleep ${number} &)`,
  'in a session of its own': (number: string) => `setsid -f sleep ${number}`,
  'without environment and parent': (number: string) => `setsid -f env -i sleep ${number}`,
}

/** The helper, and not the daemon that has the same words in its script. */
const helperOf = (number: string): string[] =>
  findByCommandLine(`sleep ${number}`).filter((line) => /^\d+ sleep \d+$/.test(line))

/** Starts the daemon. Returns a function that makes it start its helper. */
async function givenDaemon(proctor: Proctor, number: string, helper: string): Promise<() => Promise<void>> {
  const go = join(folder, `go-${number}`)
  const command = proctor.run(
    'sh',
    ['-c', 'setsid -f sh -c "$1" allowed-daemon "$2"; echo up', 'sh', daemon(helper), go],
    { allow: ['allowed-daemon'] },
  )
  await command.waitForSuccessfulExit()
  await eventually(() => (existsSync(`${go}-up`) ? true : undefined), 'the daemon')
  return async () => {
    writeFileSync(go, '')
    await eventually(() => (helperOf(number).length > 0 ? true : undefined), 'the helper')
  }
}

function givenNumber(): string {
  const number = uniqueNumber()
  onTestFinished(async () => {
    await endByCommandLine(`go-${number}`)
    await endByCommandLine(`sleep ${number}`)
  })
  return number
}

describe.each(['auto', 'basic'] as const)('with containment %s', (containment) => {
  test.each(Object.entries(helpers))('what an allowed process starts in a later test: %s', async (_, helper) => {
    const number = givenNumber()
    const first = await createProctor({ containment, leakTimeout: 50 })
    const start = await givenDaemon(first, number, helper(number))
    await first.teardown()

    const second = await createProctor({ containment, leakTimeout: 50 })
    await second.run('true').waitForExit()
    const running = second.run('sleep', [givenNumber()])
    await start()
    await running.kill()
    const { commands } = await second.teardown()
    expect(commands).toMatchObject([{ leaked: [] }, { leaked: [] }])
    expect(helperOf(number)).toHaveLength(1)
    // What it is just starting still has its command line.
    await eventually(() => (findByCommandLine(`go-${number}`).length === 1 ? true : undefined), 'the daemon alone')
  })

  test('what it has started in its session, and whose parent has gone', async () => {
    const number = givenNumber()
    const proctor = await createProctor({ containment, leakTimeout: 50 })
    const start = await givenDaemon(proctor, number, helpers['its parent has gone'](number))
    await start()
    const { commands } = await proctor.teardown()
    expect(commands).toMatchObject([{ leaked: [] }])
    const outcomes = new Set(commands[0]!.ended.map(({ outcome }) => outcome))
    expect([...outcomes]).toEqual(['allowed, left alive'])
    expect(helperOf(number)).toHaveLength(1)
  })
})

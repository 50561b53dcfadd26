import { spawn } from 'node:child_process'
import { afterAll, describe, expect, test } from 'vitest'
import { endings, runners, tryOut } from '../../../bench/escapees.mjs'
import { firstOf } from '../../short.js'
import { isStillAlive, witness } from '../../witness.js'

// Six processes that outlive their parent, under what every machine has: `npm test` has the shell script alone.
// `npm run bench -- run` covers the other runners.

const bystander = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' })
const seen = witness(bystander.pid)
afterAll(() => void bystander.kill())

const { 'a shell script': script, 'npm test': npm, 'node --test': nodeTest } = runners('')

const commands: readonly (readonly [string, readonly string[]])[] = [
  ['a shell script', script!],
  ['npm test', npm!],
  ['node --test', nodeTest!],
]

describe.each(firstOf(1, commands))('six escapees under %s', (_, command) => {
  test.each(endings)('%s: 0 alive', async (ending) => {
    const { alive, exit, report, output, number } = await tryOut(command, ending, 'proctor run')
    const ownExit = [report?.exitCode, report?.exitSignal]
    const promised = { 'exits 0': [1, null], 'times out': [124, null], SIGKILL: [null, 'SIGKILL'] }[ending] ?? ownExit
    expect({ alive, exit: [exit.code, exit.signal] }).toEqual({ alive: 0, exit: promised })
    // A process that a signal, or the signalled command, took along needs no name. When proctor run itself is killed,
    // it reports nothing.
    const named = (report?.left ?? []).filter((each) => each.command.endsWith(`sleep ${number}`))
    const least = { 'exits 0': 6, fails: 6, SIGKILL: 0 }[ending] ?? 4
    expect(named.length).toBeGreaterThanOrEqual(least)
    expect(output.includes(`sleep ${number}`)).toBe(ending !== 'SIGKILL')
    expect(isStillAlive(seen)).toBe(true)
  })
})

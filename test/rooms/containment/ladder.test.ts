import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import { KillLoop } from '../../../src/containment/kill-loop.js'
import { climb } from '../../../src/containment/ladder.js'
import { now } from '../../../src/base/clock.js'
import { table } from '../../../src/system/process-table/current.js'
import { isZombie, type ProcessRecord } from '../../../src/system/process-table/table.js'
import { eventually } from '../../machine.js'

interface Given {
  readonly record: () => ProcessRecord | undefined
  readonly exit: Promise<unknown[]>
}

/** A shell that has done its first lines. */
async function given(script: string): Promise<Given> {
  const child = spawn('sh', ['-c', `${script}; echo up; read go`], { stdio: ['pipe', 'pipe', 'ignore'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const exit = once(child, 'exit')
  await once(child.stdout, 'data')
  return { exit, record: () => table.identify(child.pid!) }
}

async function climbed(all: readonly Given[], isOver: () => boolean): Promise<{ asked: number; killed: string[] }> {
  const [asked, killed]: [number[], string[]] = [[], []]
  const left = await climb<ProcessRecord>({
    find: async () => ({ members: all.flatMap(({ record }) => record() ?? []).filter((each) => !isZombie(each)) }),
    emptyRounds: 2,
    isOver,
    asked: ({ pid }) => void asked.push(pid),
    killed: (_, outcome) => void killed.push(outcome),
    deadline: () => Infinity,
  })
  expect(left).toEqual([])
  expect(new Set(asked).size).toBe(asked.length)
  return { asked: asked.length, killed }
}

describe.runIf(process.platform === 'linux')('the ladder', () => {
  test('sends each one SIGTERM once, even if it is stopped, and kills what does not exit', async () => {
    const goes = await given(':')
    const stopped = await given(':')
    const stays = await given("trap '' TERM")
    process.kill(stopped.record()!.pid, 'SIGSTOP')
    await eventually(() => (stopped.record()!.state === 'T' ? true : undefined), 'one stopped')
    const areGone = Promise.all([goes.exit, stopped.exit])
    let isOver = false
    void areGone.then(() => (isOver = true))
    const { asked, killed } = await climbed([goes, stopped, stays], () => isOver)
    expect(asked).toBe(3)
    expect(new Set(killed)).toEqual(new Set(['sent']))
    expect(await areGone).toEqual([
      [null, 'SIGTERM'],
      [null, 'SIGTERM'],
    ])
    expect(await stays.exit).toEqual([null, 'SIGKILL'])
  })

  test('without a grace sends no SIGTERM', async () => {
    const goes = await given(':')
    expect(await climbed([goes], () => true)).toMatchObject({ asked: 0 })
    expect(await goes.exit).toEqual([null, 'SIGKILL'])
  })

  test('decides for all whether their grace is over before it signals one', async () => {
    const both = [await given("trap '' TERM"), await given("trap '' TERM")]
    const done: string[] = []
    await climb<ProcessRecord>({
      find: async () => ({ members: both.flatMap(({ record }) => record() ?? []).filter((each) => !isZombie(each)) }),
      isOver: () => done.push('decided') > 0,
      killed: () => void done.push('killed'),
      deadline: () => Infinity,
    })
    expect(done.slice(0, 4)).toEqual(['decided', 'decided', 'killed', 'killed'])
  })

  test('gives up at the deadline, and says what is alive', async () => {
    const stays = await given("trap '' TERM")
    const deadline = now() + 50
    const left = await climb<ProcessRecord>({
      find: async () => ({ members: [stays.record()!] }),
      isOver: () => false,
      killed: () => expect.unreachable(),
      deadline: () => deadline,
    })
    expect(left.map(({ pid }) => pid)).toEqual([stays.record()!.pid])
  })
})

test('a failure of the kill loop reaches every kill that shares it', async () => {
  const error = new Error('EMFILE')
  const loop = new KillLoop({
    emptyRounds: 1,
    burst: 0,
    begin: () => [],
    round: () => Promise.reject(error),
    countsAsKilled: () => true,
  })
  const kills = [loop.kill([], 1000, []), loop.kill([], 1000, [])]
  expect(await Promise.allSettled(kills)).toEqual([
    { status: 'rejected', reason: error },
    { status: 'rejected', reason: error },
  ])
})

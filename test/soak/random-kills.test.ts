import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { inRoot, startInner } from '../inner-run.js'
import { eventually, expectNothingLeft, findByCommandLine, makeFolder, removeFolder, uniqueNumber } from '../machine.js'
import { rounds } from './rounds.js'

// SIGKILL at any moment: before the first command, while a tree starts, while one is torn down.

const repetitions = rounds(100, 5)
const atOnce = 5

async function killOnce(whom: 'worker' | 'main'): Promise<void> {
  const [number, folder] = [uniqueNumber(), makeFolder()]
  const run = startInner(process.execPath, [inRoot('fixtures/programs/runner-main.mjs'), number], {
    env: { TMPDIR: folder },
  })
  const worker = await eventually(() => /worker (\d+)/.exec(run.output())?.[1], 'the worker starts')
  // The random moment is the point. This does not wait for anything.
  await sleep(Math.random() * 600)
  process.kill(whom === 'main' ? run.child.pid! : Number(worker), 'SIGKILL')
  await run.result
  await expectNothingLeft(number, folder)
  await removeFolder(folder)
}

test.each(['worker', 'main'] as const)(
  `the %s gets SIGKILL at ${repetitions} random moments`,
  async (whom) => {
    for (let done = 0; done < repetitions; done += atOnce) {
      await Promise.all(Array.from({ length: atOnce }, () => killOnce(whom)))
    }
    expect(findByCommandLine('guardian.sh').filter((line) => line.includes('runner-worker'))).toEqual([])
  },
  300_000,
)

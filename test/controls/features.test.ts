import { pathToFileURL } from 'node:url'
import { expect, type Process, test } from 'proctor/vitest'
import { inRoot } from '../inner-run.js'
import { endByCommandLine, uniqueNumber } from '../machine.js'
import { buildMutant, innerEnvironment, type Mutation } from './mutant.js'

// What each of these features depends on: with all of it removed, a program that uses the features gets other results.

const mutations: readonly Mutation[] = [
  // `tree()` returns only the members of the group.
  {
    file: 'src/command/command-process.ts',
    from: 'return membersOf(this)',
    to: 'return membersOf(this).then((all) => all.filter(({ session }) => session === this.pid))',
  },
  // `loseParent()` kills nothing.
  {
    file: 'src/command/command-process.ts',
    from: 'return this.transport.loseParent()',
    to: 'return Promise.resolve()',
  },
  // Processes that live at once count as one.
  { file: 'src/command/usage.ts', from: 'sum += usage.peak', to: 'sum = Math.max(sum, usage.peak)' },
  // A snapshot of a workspace shows no modes.
  { file: 'src/workspace/snapshot.ts', from: "return shown === usual ? '' :", to: "return shown > 0 ? '' :" },
  // Nobody listens on any port.
  { file: 'src/matchers/port.ts', from: 'listener.port === port', to: 'listener.port === -port' },
  // The message does not say who holds an output.
  {
    file: 'src/base/held-open.ts',
    from: 'if (holding.length === 0) return []',
    to: 'if (command !== undefined) return []',
  },
  // A terminal's output is not kept for a player.
  {
    file: 'src/trace/traced-process.ts',
    from: 'this.cast?.output(bytes)',
    to: 'this.cast?.output(bytes.subarray(0, 0))',
  },
  // A server that fails does not fail the run.
  { file: 'src/runners/run-server.ts', from: 'process.exitCode = 1', to: 'process.exitCode = 0' },
  // A known leak is recognised by its file alone.
  {
    file: 'src/guard/baseline.ts',
    from: 'a.at === b.at && a.command === b.command',
    to: 'a.at === b.at',
  },
  // Nobody is asked for coverage.
  {
    file: 'src/command/coverage.ts',
    from: 'if (answering.length === 0) return',
    to: 'if (answering.length >= 0) return',
  },
]

const suite = inRoot('fixtures/suites/guard-report')
const patience = { timeout: 60_000 }

test('without their parts the features say otherwise', { timeout: 90_000 }, async ({ run, workspace }) => {
  await buildMutant({ workspace }, mutations)
  const baseline = workspace.resolve('known.json')
  await workspace.write('known.json', JSON.stringify([{ at: 'helper.mjs', command: 'another' }]))
  const number = uniqueNumber()
  const start = (args: readonly string[]): Process =>
    run('node', [...args], {
      cwd: suite,
      env: {
        ...innerEnvironment,
        SUITE_NUMBER: number,
        PROCTOR_GUARD_BASELINE: baseline,
        PROCTOR_GUARD_LEAK_TIMEOUT: '50',
      },
      leaks: 'kill',
    })
  const guarded = (dist: string): Process =>
    start(['--import', pathToFileURL(`${dist}/node-test-guard.js`).href, '--test', 'shares.node.mjs'])
  const builds = [inRoot('dist'), workspace.resolve('dist')]
  const looks = builds.map((dist, index) =>
    start([inRoot('fixtures/programs/features.mjs'), dist, `${number}${index}`]),
  )
  const guards = builds.map(guarded)
  const [seen, without] = await Promise.all(
    looks.map(async (each) => JSON.parse((await each.waitForSuccessfulExit(patience)).stdout) as object),
  )
  const exits = await Promise.all(guards.map((each) => each.waitForExit(patience)))
  await endByCommandLine(number)

  expect(seen).toEqual({
    tree: 2,
    isParentAlive: false,
    isSum: true,
    snapshot: 'run.sh  (mode 755)',
    isFree: false,
    coverage: 1,
    isShown: true,
    isHolderNamed: true,
    verdict: 1,
  })
  expect(without).toEqual({
    tree: 1,
    isParentAlive: true,
    isSum: false,
    snapshot: 'run.sh',
    isFree: true,
    coverage: 0,
    isShown: false,
    isHolderNamed: false,
    verdict: 0,
  })
  expect(exits.map(({ exitCode }) => exitCode)).toEqual([1, 0])
})

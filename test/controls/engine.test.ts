import { createProctor, type Proctor } from 'proctor'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Mutation, runOnMutatedSources, type StoryResult } from './mutant.js'

// The rules of the engine, one after another: each is switched off, and its row of a table or its test on real
// processes has to fail. One run of Vitest covers all of them, because each mutation changes a line that no other
// rule's test depends on.

interface Control extends Mutation {
  readonly off: string
  /** The end of the name of the test that has to fail. */
  readonly red: string
}

const attribute = 'src/containment/attribute.ts'
const root = 'src/containment/root.ts'
const storm = 'src/containment/storm.ts'

const controls: readonly Control[] = [
  {
    off: 'the mark in the environment',
    file: attribute,
    from: '(environment !== undefined && isMarked(environment, root.mark)) ||',
    to: '',
    red: 'a daemon with its environment',
  },
  {
    off: 'the mark in the limit',
    file: attribute,
    from: '(locks !== undefined && root.locks !== undefined && carriesLocksMark(locks, root.locks))',
    to: 'false',
    red: 'the invisible daemon: by its limit',
  },
  {
    off: 'the rule that a folder is no ownership where a mark can be read',
    file: attribute,
    from: "if (facts.parentage.kind !== 'adopted' && canShowMark(facts, root)) continue",
    to: '',
    red: 'a file indexer, a backup: orphans',
  },
  {
    off: 'the age',
    file: attribute,
    from: '!table.isOlder(record, root.identity) && ',
    to: '',
    red: 'an editor that is older',
  },
  {
    off: 'the living parent',
    file: attribute,
    from: "if (!isAdopted && parentage.kind !== 'orphan') return { kind: 'foreign' }",
    to: '',
    red: 'a language server: its editor lives',
  },
  {
    off: 'the terminal',
    file: attribute,
    from: "if (record.hasTerminal) return { kind: 'foreign' }",
    to: '',
    red: 'a person’s shell',
  },
  {
    off: 'the start time of what is known',
    file: attribute,
    from: 'return seen !== undefined && table.isSame(seen, record)',
    to: 'return seen !== undefined',
    red: 'a stranger with the number of one that was known',
  },
  {
    off: 'the memory that one was found by its place',
    file: attribute,
    from: "return { kind: 'ours', root, evidence: known.evidence }",
    to: 'return { kind: \'ours\', root, evidence: "parent chain" }',
    red: '… by its output',
  },
  {
    off: 'the same of what that one has started',
    file: root,
    from: 'evidence: Evidence = chainFrom(known.get(ppid)),',
    to: "evidence: Evidence = 'parent chain',",
    red: 'what such a one has started',
  },
  {
    off: 'the question whether somebody who was seen in a group is still in it',
    file: root,
    from: 'some((witness) => holderOf(witness)?.[which] === number)',
    to: "some((witness) => holderOf(witness)?.[which] !== '')",
    red: 'a group is a root’s own while somebody who was seen in it is in it',
  },
  {
    off: 'the rule that a guess proves nothing of its group',
    file: root,
    from: 'if (!isProven(process)) return false',
    to: '',
    red: 'whose group it is in, as proven by a guess',
  },
  {
    off: 'SIGSTOP to a group whose members are dead when they are read',
    file: storm,
    from: "if (signalGroup(group, record, 'SIGSTOP') === 'sent') return",
    to: 'if (signalGroup === undefined) return',
    red: 'is stopped through a dead member',
  },
  {
    off: 'waitpid(2) for a whole group',
    file: storm,
    from: 'while (reaped < most && natives.takeGroupExit(group) > 0) reaped += 1',
    to: 'void [most, natives]',
    red: 'its zombies are waited for, and its group has ended with the last one',
  },
  {
    off: 'the question who has the number of a group whose leader was waited for',
    file: storm,
    from: 'tree.groupIsGone = readStat(group) !== undefined',
    to: 'tree.groupIsGone = readStat === undefined',
    red: 'zombies of a stranger’s group that has got the number are left to the stranger',
  },
  {
    off: 'SIGSTOP to the groups whose members could not be read',
    file: 'src/containment/strict.ts',
    from: 'if (first.isUncertain) this.#hold(trees, exempt)',
    to: '',
    red: 'although whatever is read has already exited',
  },
  {
    off: 'SIGSTOP to the group of a storm before the process table is listed',
    file: 'src/containment/basic.ts',
    from: 'if (!hasBegun && this.#isForkStorm()) this.#hold(trees, exempt)',
    to: '',
    red: 'is stopped before the process table is listed, its leader alive',
  },
  {
    off: 'the search for the newest process of a storm whose leader is gone',
    file: 'src/containment/basic.ts',
    from: 'findRecentForks(leaderless, lastPid(), stormTime, stop, this.#isSpared(exempt))',
    to: 'void [leaderless, stop]',
    red: 'is stopped before the process table is listed, its leader gone',
  },
  {
    off: 'the least number of rounds of a kill',
    file: 'src/containment/kill-loop.ts',
    from: ' && request.rounds >= leastRounds',
    to: '',
    red: 'a kill looks again, however long one look took',
  },
  {
    off: 'further rounds while others fork',
    file: 'src/containment/kill-loop.ts',
    from: 'isRestless ? restlessRounds : 0',
    to: '0',
    red: 'one empty look is not enough while others fork',
  },
  {
    off: 'the look of a guardian before its first kill',
    file: 'src/guardian/estate.ts',
    from: 'if (this.#source.mayExempt) await this.look()',
    to: '',
    red: 'the first kill already leaves alone what is exempt in the group of a live leader',
  },
  {
    off: 'the question of a search for forks whether its find is spared (F2)',
    file: 'src/containment/basic.ts',
    from: 'this.#source.spares(each) || exempt.has(each)',
    to: 'exempt.has(each)',
    red: 'while the machine is looked at lives, and keeps nobody waiting',
  },
  {
    off: 'the kinship of what an exempt process starts during a kill',
    file: 'src/containment/exempt.ts',
    from: 'if (comesFromIt) this.#starts.set(pid, startTime)',
    to: 'if (comesFromIt) return false',
    red: 'what it has started, and what that has started in its turn',
  },
  {
    off: 'the kernel’s flag of a thread that is exiting',
    file: 'src/system/process-table/linux.ts',
    from: ' || (hasExitingFlag(fields) && !isZombie({ state }))',
    to: '',
    red: 'a failure is seen while the memory goes with its only thread',
  },
  {
    off: 'the look at the threads that are left of an exit',
    file: 'src/command/termination.ts',
    from: 'if (!isExitingWhole(pid)) return',
    to: 'if (isExitingWhole !== undefined) return',
    red: 'a failure is seen while the memory goes with its last thread',
  },
]

const files = [
  'test/rooms/command/last-moments.test.ts',
  'test/rooms/containment/attribute.test.ts',
  'test/rooms/containment/exempt.test.ts',
  'test/rooms/containment/kill-loop.test.ts',
  'test/rooms/containment/root.test.ts',
  'test/rooms/containment/storm.test.ts',
  'test/rooms/guardian/estate.test.ts',
]

describe('Negative controls of the engine', () => {
  let proctor: Proctor
  let results: readonly StoryResult[]

  beforeAll(async () => {
    proctor = await createProctor()
    results = await runOnMutatedSources(proctor, controls, files)
  }, 120_000)
  afterAll(() => proctor.teardown())

  test('the others pass', () => {
    for (const untouched of ['a background child', 'a job with a group of its own', 'may be another group’s']) {
      expect(results.find(({ name }) => name.endsWith(untouched))?.status).toBe('passed')
    }
  })

  test.for(controls.map(({ off, red }): [string, string] => [off, red]))('without %s "%s" fails', ([, red]) => {
    expect(results.filter(({ name }) => name.endsWith(red)).map(({ status }) => status)).toEqual(['failed'])
  })
})

/** Runs one file with these mutations in a run of its own. */
async function runAlone(
  mutations: readonly Mutation[],
  file: string,
  testTimeout = 20_000,
): Promise<readonly StoryResult[]> {
  const proctor = await createProctor()
  onTestFinished(() => proctor.teardown().then(() => {}))
  return runOnMutatedSources(proctor, mutations, [file], testTimeout)
}

// Alone, because every test that kills depends on it. By luck, a look at recent forks alone finds all.
test('with a single round of a kill that looks for no recent forks "all are dead, although some hop" fails (B9)', async () => {
  const loop: Mutation = {
    file: 'src/containment/kill-loop.ts',
    from: 'if (request.empty >= enough || isRefused) return true',
    to: 'if (enough >= 0) return true',
  }
  const forks: Mutation = {
    file: 'src/containment/basic.ts',
    from: "const hasForked = table.name === 'linux' &&",
    to: "const hasForked = table.name !== 'linux' &&",
  }
  const hold: Mutation = {
    file: 'src/containment/basic.ts',
    from: 'if (!hasBegun && this.#isForkStorm())',
    to: 'if (hasBegun && this.#isForkStorm())',
  }
  const results = await runAlone([loop, forks, hold], 'test/rooms/containment/hoppers.test.ts')
  expect(results).toMatchObject([{ status: 'failed', failure: expect.stringContaining('the end of file of the pipe') }])
}, 60_000)

// Alone, too: which number the next child carries is a matter of the whole process.
test('without a limit of its own while a child is started, it carries the mark of the next one', async () => {
  const limit: Mutation = {
    file: 'src/guard/start-marks.ts',
    from: 'this.#limit(Math.max(1, number - 1))',
    to: 'this.#limit(number)',
  }
  const results = await runAlone([limit], 'test/rooms/guard/start-marks.test.ts')
  expect(results).toMatchObject([
    { status: 'failed', failure: expect.stringContaining("{ kind: 'start', number: 2 }") },
  ])
}, 60_000)

// Alone, too: another fixture that is left alive would do for one that is hosted.
test('without the end of hosting worker threads "once it hosts no threads any more, it looks as before" fails', async () => {
  const hosting: Mutation = {
    file: 'src/worker/choose-containment.ts',
    from: '    strict.hostsThreads = false\n',
    to: '',
  }
  const results = await runAlone([hosting], 'test/rooms/containment/threads.test.ts', 2500)
  const failed = results.filter(({ status }) => status === 'failed').map(({ name }) => name)
  expect(failed).toEqual(['once it hosts no threads any more, it looks as before'])
}, 60_000)

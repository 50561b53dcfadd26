import { createProctor, type Proctor } from 'proctor'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing } from '../needs.js'
import { type Mutation, runOnMutatedBuild, type StoryResult } from './mutant.js'

// What the tests in test/faults depend on: each thing is switched off, and its test has to fail against that build. One
// build and one run of Vitest cover all of them, because no test depends on what is switched off for another.

interface Control extends Mutation {
  readonly off: string
  /** The ends of the names of the tests that have to fail. */
  readonly red: readonly string[]
}

const controls: readonly Control[] = [
  {
    off: 'the look at who owns the folder of records, and who may write to it (A2)',
    file: 'src/workspace/own-folder.ts',
    from: 'if (impostor === undefined) return',
    to: "if (impostor !== 'nothing') return",
    red: ['a folder that others can write to', 'a link, and a file', 'another user’s folder'],
  },
  {
    off: 'the question whose an abandoned workspace is (A3)',
    file: 'src/workspace/record.ts',
    from: 'entry?.isDirectory() === true && isThisUsers(entry)',
    to: 'entry?.isDirectory() === (isThisUsers !== undefined)',
    red: [],
  },
  {
    off: 'both questions whose a folder is before it is removed (A3)',
    file: 'src/workspace/removal.ts',
    from: 'user === thisUser()',
    to: 'user >= 0',
    red: ['what another user names like an abandoned workspace is left alone, and no link in it is followed'],
  },
  {
    off: 'the question whether /proc is of this pid namespace (A7)',
    file: 'src/system/process-table/linux.ts',
    from: 'if (seen === String(process.pid)) return undefined',
    to: "if (seen !== '') return undefined",
    red: ['a sweep judges nobody'],
  },
  {
    off: 'the second reading of pids that were given out again (B8)',
    file: 'src/guard/recent-pids.ts',
    from: '!listed.has(pid) || kept.has(pid) || isGivenOut(pid)',
    to: '!listed.has(pid) || kept.has(pid) || isGivenOut === undefined',
    red: ['a guard finds a daemon that got the number of a stranger whom it had seen, the counter having been round'],
  },
  {
    off: 'the rule that nothing of a stranger’s is opened (B10)',
    file: 'src/system/process-table/linux.ts',
    from: 'cwd: (pid) => (link(`/proc/${pid}/cwd`)',
    to: 'cwd: (pid) => (lstatSync(`/proc/${pid}/cwd/.`, { throwIfNoEntry: false }), link(`/proc/${pid}/cwd`)',
    red: ['a stranger whose folder is on a file system that hangs holds nobody up, and lives on'],
  },
  {
    off: 'the memory of a leader that /proc hides at its start (B5)',
    file: 'src/command/launch/identify.ts',
    from: 'if (isHeld() && hasHolder(pid))',
    to: 'if (isHeld() && !hasHolder(pid))',
    red: ['a leader that is another user’s from its first moment is kept, and refused; who may be signalled is ended'],
  },
  {
    off: 'the look at hidden orphans, in worker threads (B5)',
    file: 'src/containment/orphans.ts',
    from: 'else if (this.#isHidden(pid))',
    to: 'else if ((!this.hostsThreads || this.#adopted.has(pid)) && this.#isHidden(pid))',
    red: [
      'an orphan that /proc hides from worker threads’ main thread is refused, with another fixture’s commands as a doubt',
    ],
  },
  {
    off: 'the memory of an orphan that /proc has hidden since',
    file: 'src/containment/strict.ts',
    from: 'this.#orphans.rootOf(record.pid) ??',
    to: '',
    red: ['an orphan that was seen before /proc hid it is no doubt'],
  },
  {
    off: 'the form of kill(1) that every shell knows (B11)',
    file: 'src/guardian/guardian.sh',
    from: 'kill -9 "-$2"',
    to: 'kill -KILL -- "-$2"',
    red: ['guardian.sh under dash without Node ends the groups whose leader is the one that was told of, and no other'],
  },
  {
    off: 'the look for marked processes outside of the tree (B6)',
    file: 'src/containment/outsiders.ts',
    from: 'isWanted(root) && root.locks !== undefined)',
    to: 'isWanted(root) && root.locks === undefined)',
    red: [
      "'44' 'daemon in a pid namespace that was th…' strict: after kill() it is dead",
      "'44' 'daemon in a pid namespace that was th…' strict: after teardown() it is dead, blamed",
    ],
  },
  {
    off: 'the sentence about a start that the system refuses (C13)',
    file: 'src/command/launch/native.ts',
    from: 'return explain(error, request)',
    to: 'throw error',
    red: ['is told that it has too few file descriptors, with 3 left, by its first start: false'],
  },
  {
    off: 'the shorter time for leaks under Mocha (B13)',
    file: 'src/fixture/runner-defaults.ts',
    from: 'isMocha() ? { leakTimeout: 500 } : {}',
    to: 'isMocha() ? {} : {}',
    red: ['a leak is told in the time that a hook of Mocha has, however Mocha is known'],
  },
  {
    off: 'the removal of a record that its worker has not finished',
    file: 'src/workspace/record.ts',
    from: "if (readOwnFile(path).includes('\\n')) return",
    to: "if (readOwnFile(path).includes('')) return",
    red: [
      'a record that its worker had begun to write when it was killed is removed, and nothing else under such a name',
    ],
  },
  {
    off: 'the form of a workspace’s name',
    file: 'src/workspace/record.ts',
    from: '/^proctor-[a-z][0-9a-z]{4}[0-9a-z]{3}$/',
    to: '/^proctor-[a-z][0-9a-z]{4}[0-9a-z]{3}/',
    red: [],
  },
  {
    off: 'the short name of a workspace (C7)',
    file: 'src/workspace/record.ts',
    from: '`proctor-${this.#id}${count}`',
    to: '`proctor-${this.#id}${count}-0123456789abcdef0123456789abcdef`',
    red: ['a socket fits into a workspace below a long TMPDIR, and a path that fits none is an error at once'],
  },
]

const untouched = [
  'a member that became another user’s, where /proc hides it, is refused and not passed over',
  'guardian.sh under bash without Node ends the groups whose leader is the one that was told of, and no other',
  'a process that cleared its environment and left its session and folder is dead if its limits show the mark',
  'a file that another user has named like a draft of a trace is not used',
  'is told that it has too few file descriptors, with 6 left, by its first start: true',
  "'44' 'daemon in a pid namespace that was th…' basic: after kill() it is dead",
]
const names = [
  'faults/files',
  'faults/guardian',
  'faults/hidden',
  'faults/meanwhile',
  'faults/mocha',
  'escapes/escapes',
  'rooms/command/launch/start',
]
const files = names.map((name) => `test/${name}.test.ts`)
const reason = missing('root', 'unshare', 'mount', 'setpriv', 'cc', 'dash')

describe.skipIf(reason !== undefined)('Negative controls of faults', () => {
  let proctor: Proctor
  let results: readonly StoryResult[]

  beforeAll(async () => {
    proctor = await createProctor()
    const titles = [...controls.flatMap(({ red }) => red), ...untouched]
    results = await runOnMutatedBuild(proctor, controls, files, titles)
  }, 120_000)
  afterAll(() => proctor.teardown())

  const statusOf = (name: string): readonly string[] =>
    results.filter((each) => each.name.endsWith(name)).map(({ status }) => status)

  test.for(untouched)('beside them passes: %s', (name) => {
    expect(results.filter((each) => each.name.endsWith(name))).toMatchObject([{ status: 'passed', failure: '' }])
  })

  test.for(controls.flatMap(({ off, red }) => red.map((name): [string, string] => [off, name])))(
    'without %s "%s" fails',
    ([, name]) => {
      expect(statusOf(name)).toEqual(['failed'])
    },
  )
})

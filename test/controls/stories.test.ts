import { createProctor, type Proctor } from 'proctor'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Mutation, runMutants, type StoryResult } from './mutant.js'

// A test that cannot fail proves nothing. What a story depends on is switched off, and the story has to fail.

interface Control {
  readonly off: string
  readonly mutations: readonly Mutation[]
  readonly file: string
  readonly story: string
  /** The message with which it fails. */
  readonly failure: RegExp
}

const controls: Control[] = [
  {
    off: 'the group signal (it goes to the leader alone) and the search for descendants (which strict has besides)',
    mutations: [
      { file: 'src/system/signals.ts', from: 'return send(-group, signal)', to: 'return send(group, signal)' },
      {
        file: 'src/containment/strict.ts',
        from: 'if (targets.trees.has(attribution.root) && !targets.exempt.has(record)) {',
        to: 'if (targets.trees.has(attribution.root) && record.pid === attribution.root.identity.pid) {',
      },
      // The last look, which finds processes that carry a mark although nothing else leads to them.
      {
        file: 'src/containment/strict.ts',
        from: 'if (signalled.length === 0 && targets.isLast) {',
        to: 'if (signalled.length < 0) {',
      },
    ],
    file: 'kill.test.ts',
    story: 'Kill a program written in Node killing the parent kills the child',
    // The child is alive. With basic containment, `kill` reports that itself.
    failure: /expected true to be false|could not be ended/,
  },
  {
    off: 'the marks of ended commands of which an allowed process lives on',
    mutations: [
      {
        file: 'src/containment/orphans.ts',
        from: 'if (locks !== undefined) this.#host.spared.add(locks)',
        to: 'void locks',
      },
    ],
    file: 'allowed.test.ts',
    story: 'with containment auto what an allowed process starts in a later test: without environment and parent',
    failure: /cannot be proven dead|outlived its command/,
  },
  {
    off: 'the verdict on what outlived its command',
    mutations: [
      {
        file: 'src/fixture/teardown.ts',
        from: "this.#context.terms.get(member.tree)?.leaks === 'fail' && (isOverdue || !late.includes(member))",
        to: 'late.includes(member) && !isOverdue && this.#context.terms.size < 0',
      },
    ],
    file: 'orphans.test.ts',
    story: 'the fixture catches it: it is killed, and fails the test',
    failure: /It resolved, and was to reject/,
  },
  {
    off: 'the memory of exits that the test has seen',
    mutations: [
      {
        file: 'src/command/exit-record.ts',
        from: 'this.#seen = see(this.#seen, how)',
        to: 'this.#seen = see(this.#seen, how) === "read" ? "read" : "no"',
      },
    ],
    file: 'kill.test.ts',
    story: 'Kill a program written in Node killing what is known to have finished says so',
    failure: /expected UnexpectedExitError: .* to be an instance of AlreadyExitedError/,
  },
  {
    off: 'the bound on the wait for the rest of the output',
    mutations: [
      {
        file: 'src/command/drain.ts',
        from: 'else stopWaiting = after(drainTime, () => soon(drained))',
        to: 'else void drainTime',
      },
    ],
    file: 'process-properties.test.ts',
    story: 'they show the exit even if a child holds the output open',
    failure: /expected true to be false/,
  },
  {
    off: 'the comparison of a start with the age of a pid file',
    mutations: [
      {
        file: 'src/workspace/pid-file.ts',
        from: 'return table.startedAt(record) <= writtenAt + clockSlack',
        to: 'return table.startedAt(record) + writtenAt + clockSlack > 0',
      },
    ],
    file: 'identity.test.ts',
    story: 'a process that started after the pid file was written has not written it',
    failure: /\(from stale\.pid\) to be dead, but it is alive/,
  },
  {
    off: 'the question who listens',
    mutations: [
      {
        file: 'src/readiness/port-watch.ts',
        from: 'if (holder === undefined) return false',
        to: '',
      },
      {
        file: 'src/readiness/port-watch.ts',
        from: 'if (held.has(listener.id)) return false',
        to: 'if (held.size >= 0) return false',
      },
    ],
    file: 'stale-server.test.ts',
    story: 'A stale server is not taken for the new one, and the error names it',
    failure: /It resolved, and was to reject/,
  },
  {
    off: 'the news of a new size for who is in the terminal',
    mutations: [
      {
        file: 'src/terminal/terminal-process.ts',
        from: 'this.#terminal?.resize?.(columns, rows)',
        to: 'void this.#terminal',
      },
    ],
    file: 'screen-size.test.ts',
    story: 'it changes while the program runs, and the program gets SIGWINCH',
    failure: /Timed out after 4 seconds:\n\n24 rows of 80/,
  },
  {
    off: 'the rule that a command inherits no variable of another repository',
    mutations: [{ file: 'src/command/launch/environment.ts', from: "      'GIT_DIR',\n", to: '' }],
    file: 'surroundings.test.ts',
    story: 'a commit goes into the workspace, and not into the repository whose hook runs the tests',
    failure: /does not have any commits/,
  },
  {
    off: 'the pipes (Node’s own socket pairs take their place)',
    mutations: [
      {
        file: 'src/system/posix-spawn.ts',
        from: "isMainThread && process.env['PROCTOR_LAUNCH'] !== 'portable' ? posixSpawn() : undefined",
        to: 'void isMainThread as undefined',
      },
      {
        file: 'src/command/launch/spawn.ts',
        from: 'if (available !== undefined) return available.pipe()',
        to: 'if (available !== undefined) return undefined',
      },
    ],
    file: 'standard-streams.test.ts',
    story: '/dev/stdin, /dev/stdout and /dev/stderr can be opened',
    failure: /No such device or address/,
  },
  {
    off: 'O_CLOEXEC on the pipes',
    mutations: [
      { file: 'src/system/posix-spawn.ts', from: 'const closeOnExec = 0o2000000', to: 'const closeOnExec = 0' },
    ],
    file: 'standard-streams.test.ts',
    story: 'no file that the tests have open',
    failure: /to have a length of 3 but got/,
  },
  {
    off: 'the default for each signal',
    mutations: [
      { file: 'src/system/posix-spawn.ts', from: 'const setSignals = 0x04 | 0x08', to: 'const setSignals = 0' },
    ],
    file: 'standard-streams.test.ts',
    story: 'no signal that is blocked or ignored',
    failure: /SigIgn:/,
  },
]

// The first mutant has no mutation: with nothing switched off, all stories pass.
const mutants = [
  { mutations: [], stories: controls },
  ...controls.map((control) => ({ mutations: control.mutations, stories: [control] })),
]

describe('Negative controls of the stories', () => {
  let proctor: Proctor
  let results: readonly (readonly StoryResult[])[]

  beforeAll(async () => {
    proctor = await createProctor()
    ;({ results } = await runMutants(proctor, mutants))
  }, 120_000)
  afterAll(() => proctor.teardown())

  test('with nothing switched off, all of them pass', () => {
    expect(results[0]!.filter(({ status }) => status !== 'passed')).toEqual([])
    expect(results[0]).toHaveLength(controls.length)
  })

  test.for(controls.map((control, index): [string, Control, number] => [control.off, control, index + 1]))(
    'with %s switched off, its story fails',
    ([, control, index]) => {
      expect(results[index]).toMatchObject([{ status: 'failed' }])
      expect(results[index]![0]!.failure).toMatch(control.failure)
    },
  )
})

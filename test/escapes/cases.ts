/** What became of an escapee, in the words that docs/escapes.md uses too. */
export type Word =
  | 'dead'
  /** Dead, and teardown failed the test for it. */
  | 'dead, blamed'
  /** It ran on, and nothing was said. */
  | 'not found'
  | 'refused: output held open'
  | 'refused: no permission (uid 0)'
  /** One or the other, from run to run. The escapee is never missed while it lives. */
  | 'dead or refused'
  /** A stranger that looks like one of the command's processes, and lives. */
  | 'left alone'

/** What ends the command: `kill` in the test, or the teardown. */
export type Ending = 'kill' | 'teardown'
export type Level = 'strict' | 'basic'

export interface Escape {
  /** As in "Cases to survive" of FACTS.md. */
  readonly id: string
  readonly title: string
  /** A file of fixtures/programs/escapes, compiled if it ends in .c, or else a command on PATH. */
  readonly program: string
  readonly args?: readonly string[]
  /** Files that are written to the workspace first. */
  readonly files?: Readonly<Record<string, string>>
  /** Whether the leader exits before the command is ended. The file escapee.pid always holds the escapee's number. */
  readonly leader: 'lives' | 'exits'
  /** The state, as in ps(1), that the test waits for the escapee to reach. */
  readonly state?: 'T' | 'Z' | 'D'
  /** What the test calls. Default: `kill`. */
  readonly call?: 'terminate'
  /** Whether it holds the test's own pipe open until it dies. */
  readonly pipe: boolean
  /** The escapee moves to a new process so fast that its number says nothing. Only the pipe is a witness. */
  readonly hops?: boolean
  /** The escapee serves a port, which must be free afterwards. */
  readonly port?: boolean
  /** Another user than root runs it, in a script of its own. */
  readonly as?: 'nobody'
  /** A .c file that is installed setuid root. The variable SETUID_ROOT holds its path. */
  readonly setuid?: string
  /**
   * Whether it needs somebody else's pid namespace. OTHER_NAMESPACE holds the number of that namespace's first process.
   */
  readonly otherNamespace?: boolean
  /** Only root can start it. */
  readonly needsRoot?: boolean
  readonly expected: Readonly<Record<Level, Readonly<Partial<Record<Ending, Word>>>>>
}

const always = (kill: Word, teardown?: Word): Escape['expected'] => {
  const words = { kill, ...(teardown === undefined ? {} : { teardown }) }
  return { strict: words, basic: words }
}

const dead = always('dead', 'dead')
const deadAndBlamed = always('dead', 'dead, blamed')

const hydra = (id: string, milliseconds: number): Escape => ({
  id,
  title: `hydra: forks, calls setsid and exits every ${milliseconds} ms`,
  program: 'hydra.c',
  args: [String(milliseconds * 1000)],
  leader: 'exits',
  pipe: true,
  hops: true,
  expected: {
    strict: { kill: 'dead', teardown: 'dead, blamed' },
    basic: { kill: 'dead or refused', teardown: 'dead or refused' },
  },
})

export const escapes: readonly Escape[] = [
  {
    id: '1',
    title: 'background child, its leader alive',
    program: 'background-child.sh',
    leader: 'lives',
    pipe: true,
    expected: dead,
  },
  {
    id: '2',
    title: 'the leader exits, its group lives on',
    program: 'leader-exits-first.sh',
    leader: 'exits',
    pipe: true,
    expected: deadAndBlamed,
  },
  {
    id: '3',
    title: 'nohup, standard streams closed',
    program: 'nohup-closed-streams.sh',
    leader: 'exits',
    pipe: true,
    expected: deadAndBlamed,
  },
  { id: '4', title: 'disowned job', program: 'disowned.sh', leader: 'exits', pipe: true, expected: deadAndBlamed },
  {
    id: '5',
    title: 'job control: a group of its own',
    program: 'job-control.sh',
    leader: 'exits',
    pipe: true,
    expected: deadAndBlamed,
  },
  {
    id: '6',
    title: 'own session, its parent alive',
    program: 'own-session-parent-lives.sh',
    leader: 'lives',
    pipe: true,
    expected: deadAndBlamed,
  },
  {
    id: '7',
    title: 'own session, orphaned',
    program: 'own-session-orphan.sh',
    leader: 'exits',
    pipe: true,
    expected: deadAndBlamed,
  },
  {
    id: '8',
    title: 'daemon: double fork, own session, cwd /, files closed',
    program: 'daemon.sh',
    leader: 'exits',
    pipe: false,
    expected: deadAndBlamed,
  },
  {
    id: '9',
    title: 'environment cleared, own session, in the workspace',
    program: 'cleared-environment-in-workspace.sh',
    leader: 'exits',
    pipe: true,
    expected: deadAndBlamed,
  },
  {
    id: '10',
    title: 'environment cleared, own session, cwd /, keeps the output',
    program: 'cleared-environment-keeps-output.sh',
    leader: 'exits',
    pipe: true,
    // Basic containment knows the escapee by the output that it holds, and the output by its leader. The leader may be
    // gone before anything looks at it.
    expected: { ...deadAndBlamed, basic: { kill: 'dead or refused', teardown: 'dead or refused' } },
  },
  {
    id: '11',
    title: 'environment cleared, own session, cwd /, streams closed, its parent alive',
    program: 'cleared-environment-parent-lives.sh',
    leader: 'lives',
    pipe: true,
    expected: deadAndBlamed,
  },
  {
    id: '12',
    title: 'invisible daemon: environment cleared, own session, cwd /, files closed, double fork',
    program: 'invisible-daemon.sh',
    leader: 'exits',
    pipe: false,
    expected: deadAndBlamed,
  },
  {
    id: '18',
    title: 'daemon that wrote its title over its environment, in the workspace',
    program: 'title-rewriter.c',
    leader: 'exits',
    pipe: true,
    expected: deadAndBlamed,
  },
  {
    id: '19a',
    title: 'daemon of a proctor (basic) inside the command',
    program: 'nested-proctor.mjs',
    args: ['basic'],
    leader: 'lives',
    pipe: false,
    expected: always('dead'),
  },
  {
    id: '19b',
    title: 'daemon of a proctor (auto) inside the command',
    program: 'nested-proctor.mjs',
    args: ['auto'],
    leader: 'lives',
    pipe: false,
    expected: always('dead'),
  },
  {
    id: '20a',
    title: 'ignores SIGTERM, SIGINT and SIGHUP',
    program: 'ignores-signals.sh',
    leader: 'lives',
    pipe: true,
    expected: dead,
  },
  {
    id: '20b',
    title: 'the same, ended with terminate()',
    program: 'ignores-signals.sh',
    leader: 'lives',
    call: 'terminate',
    pipe: true,
    expected: always('dead'),
  },
  {
    id: '21',
    title: 'starts itself anew in another session on SIGTERM, ended with terminate()',
    program: 'respawns-on-term.sh',
    leader: 'lives',
    call: 'terminate',
    pipe: true,
    hops: true,
    expected: deadAndBlamed,
  },
  {
    id: '22a',
    title: 'fork storm in the group, its leader alive',
    program: 'hydra.c',
    args: ['0', 'group'],
    leader: 'lives',
    pipe: true,
    hops: true,
    expected: dead,
  },
  {
    id: '22b',
    title: 'fork storm in the group, its leader gone',
    program: 'hydra.c',
    args: ['2000', 'orphaned-group'],
    leader: 'exits',
    pipe: true,
    hops: true,
    expected: {
      strict: { kill: 'dead', teardown: 'dead, blamed' },
      basic: { kill: 'dead or refused', teardown: 'dead or refused' },
    },
  },
  hydra('23a', 20),
  hydra('23b', 5),
  hydra('23c', 1),
  hydra('23d', 0.2),
  hydra('23e', 0),
  ...([20, 1, 0] as const).map((milliseconds, index): Escape => ({
    id: `23${'fgh'[index]}`,
    title: `invisible hydra, every ${milliseconds} ms: environment cleared, cwd /, streams closed`,
    program: 'hydra.c',
    args: [String(milliseconds * 1000), 'invisible'],
    leader: 'exits',
    pipe: true,
    hops: true,
    expected: {
      strict: { kill: 'dead', teardown: 'dead, blamed' },
      basic: { kill: 'dead', teardown: 'dead, blamed' },
    },
  })),
  {
    id: '24',
    title: 'stopped member',
    program: 'stopped-member.sh',
    leader: 'lives',
    state: 'T',
    pipe: true,
    expected: dead,
  },
  {
    id: '25',
    title: 'zombie member',
    program: 'zombie-member.sh',
    leader: 'lives',
    state: 'Z',
    pipe: true,
    expected: dead,
  },
  {
    id: '26',
    title: 'stopped leader',
    program: 'stopped-leader.sh',
    leader: 'lives',
    state: 'T',
    pipe: true,
    expected: dead,
  },
  {
    id: '28a',
    title: 'member of another user (setuid root)',
    program: 'other-user-in-group.sh',
    setuid: 'other-user.c',
    leader: 'lives',
    pipe: true,
    as: 'nobody',
    needsRoot: true,
    expected: always('refused: no permission (uid 0)', 'refused: no permission (uid 0)'),
  },
  {
    id: '28b',
    title: 'leader that became another user’s (setuid root)',
    program: 'other-user-leads.sh',
    setuid: 'other-user.c',
    leader: 'lives',
    pipe: true,
    as: 'nobody',
    needsRoot: true,
    expected: always('refused: no permission (uid 0)', 'refused: no permission (uid 0)'),
  },
  {
    id: '29',
    title: 'not dumpable, own session, its parent alive, not root',
    program: 'undumpable.c',
    leader: 'lives',
    pipe: true,
    as: 'nobody',
    needsRoot: true,
    expected: deadAndBlamed,
  },
  {
    id: '30',
    title: 'first process of a pid namespace',
    program: 'pid-namespace.sh',
    leader: 'lives',
    pipe: true,
    needsRoot: true,
    expected: dead,
  },
  {
    id: '31',
    title: 'in the middle of vfork, state D',
    program: 'vfork-in-progress.c',
    leader: 'lives',
    state: 'D',
    pipe: true,
    expected: dead,
  },
  {
    id: '32',
    title: 'npm → sh → node',
    program: 'npm',
    args: ['start', '--silent'],
    files: { 'package.json': '{ "scripts": { "start": "node \\"$SERVER\\"" } }' },
    leader: 'lives',
    pipe: true,
    expected: dead,
  },
  {
    id: '34',
    title: 'server that holds a port after its leader’s exit',
    program: 'server-outlives-leader.mjs',
    leader: 'exits',
    pipe: true,
    port: true,
    expected: deadAndBlamed,
  },
  {
    id: '38',
    title: 'daemon that execs itself again and again',
    program: 'daemons.c',
    args: ['exec-again'],
    leader: 'exits',
    pipe: true,
    expected: deadAndBlamed,
  },
  {
    id: '39',
    title: 'daemon whose main thread has ended, while another one works',
    program: 'daemons.c',
    args: ['main-thread-ended'],
    leader: 'exits',
    pipe: true,
    expected: deadAndBlamed,
  },
  {
    id: '40',
    title: 'daemon that is not dumpable, not root',
    program: 'daemons.c',
    args: ['undumpable'],
    leader: 'exits',
    pipe: true,
    as: 'nobody',
    needsRoot: true,
    expected: deadAndBlamed,
  },
  {
    id: '41',
    title: 'child by CLONE_PARENT: environment cleared, own session, cwd /',
    program: 'daemons.c',
    args: ['clone-parent'],
    leader: 'exits',
    pipe: true,
    expected: deadAndBlamed,
  },
  {
    id: '42',
    title: 'daemon with a terminal of its own, environment cleared, in the workspace',
    program: 'daemons.c',
    args: ['terminal'],
    leader: 'exits',
    pipe: true,
    expected: deadAndBlamed,
  },
  {
    id: '43',
    title: 'daemon that calls itself the guardian, and one of the tests’ own',
    program: 'impostor.sh',
    leader: 'exits',
    pipe: true,
    expected: deadAndBlamed,
  },
  {
    id: '44',
    title: 'daemon in a pid namespace that was there before',
    program: 'other-namespace.sh',
    leader: 'exits',
    pipe: true,
    needsRoot: true,
    otherNamespace: true,
    expected: deadAndBlamed,
  },
]

/** A case that needs a pid namespace of its own: the script and the scenario of test/escapes/in-namespace.mjs. */
export interface NamespaceCase {
  readonly id: string
  readonly title: string
  readonly scenario: 'reuse' | 'reuse by a stranger' | 'first process'
  readonly expected: Escape['expected']
}

export const inNamespace: readonly NamespaceCase[] = [
  {
    id: '25b',
    title: 'zombies that nobody waits for: the tests run as process 1',
    scenario: 'first process',
    expected: deadAndBlamed,
  },
  {
    id: '35, 36',
    title: 'stranger with the number and the group of a dead leader',
    scenario: 'reuse',
    expected: always('left alone', 'left alone'),
  },
  {
    id: '35b, 36b',
    title: 'the same, and the stranger is no child of the tests',
    scenario: 'reuse by a stranger',
    expected: always('left alone', 'left alone'),
  },
]

/** Known cases that this suite does not run. */
export const notRun: readonly { readonly id: string; readonly title: string; readonly reason: string }[] = [
  { id: '27', title: 'state D for ever', reason: 'nothing makes a process unkillable on purpose here' },
  {
    id: '37',
    title: 'number used again within one clock tick',
    reason: 'nothing tells the two apart; needs a table of some 300 numbers',
  },
  { id: '33', title: 'work handed to a running daemon', reason: 'out of scope: no descendant of the command' },
]

import { onceAWorker } from '../base/shelf.js'
import { spawnSync } from 'node:child_process'
import { closeSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import { BasicContainment } from '../containment/basic.js'
import { UnwaitedChildren } from '../containment/child-exits.js'
import { type Containment, type ContainmentLevel, refuseStrict } from '../containment/containment.js'
import { ContainmentError, ProctorError } from '../base/errors.js'
import { Guardian } from '../guardian/guardian.js'
import { formatMark, guardianVariable, markName, outsideName, runVariable } from '../containment/marks.js'
import { newToken, thisOwner } from '../containment/owner.js'
import { type LocksMarks, openLocksMarks } from '../containment/locks-mark.js'
import { entriesOf, nativeCalls } from '../system/posix-spawn.js'
import { loadNatives, type Natives } from '../system/syscalls.js'
import { pause } from '../base/clock.js'
import { table } from '../system/process-table/current.js'
import { foreignProc, readChildren, readStat } from '../system/process-table/linux.js'
import { realProcess } from '../base/real-process.js'
import { signalProcess } from '../system/signals.js'
import type { StrictSurroundings } from '../containment/orphans.js'
import { StrictContainment } from '../containment/strict.js'
import { findHost, openHost, RemoteContainment } from '../containment/threads/remote.js'
import { ownSession } from '../containment/root.js'
import type { Tree } from '../containment/tree.js'

// What there is once a worker: one guardian, one subreaper, one record of births.

interface WorkerState {
  readonly token: string
  /** The variable that marks whatever the test starts itself; commands are started without it. */
  readonly outside: string
  /** The second marks, where they can be set. */
  readonly locks: LocksMarks | undefined
  /** How many second marks there have been. */
  marked: number
  readonly trees: Set<Tree>
  readonly fixtures: Set<string>
  counted: number
  /** The calls, or why there are none. Undefined before somebody asked. */
  natives: Natives | string | undefined
  strict: StrictContainment | undefined
  /** Strangers that a subreaper of this worker adopted: number and start time. */
  readonly orphans: Map<number, number>
  basic: BasicContainment | undefined
  remote: RemoteContainment | undefined
  guardian: Guardian | undefined
  /** Listens while a fixture lives. */
  onDisconnect: (() => void) | undefined
  /** How many have made this worker a subreaper. */
  subreapers: number
  /** What ends the guard over what the tests of a file start by themselves. */
  readonly guards: Set<() => void>
}

export function workerState(): WorkerState {
  return onceAWorker('worker-state.1', createState)
}

function createState(): WorkerState {
  const token = newToken()
  const outside = outsideName(token)
  setOutside(outside)
  return {
    token,
    outside,
    locks: openLocksMarks(),
    marked: 0,
    trees: new Set(),
    fixtures: new Set(),
    counted: 0,
    natives: undefined,
    strict: undefined,
    orphans: new Map(),
    basic: undefined,
    remote: undefined,
    guardian: undefined,
    onDisconnect: undefined,
    subreapers: 0,
    guards: new Set(),
  }
}

/** Whatever the test starts by itself inherits this; commands are started without it. */
function setOutside(name: string): void {
  process.env[name] = '1'
  realProcess.env[name] = '1'
}

/** The marks of a command. */
interface CommandMarks {
  /** The variable in its environment. */
  readonly name: string
  readonly value: string
  /** Its soft limit RLIMIT_LOCKS, where that can be set. */
  readonly locks: bigint | undefined
}

/** The marks of command number `command` of a fixture. */
export function markFor(fixture: string, command: number): CommandMarks {
  const state = workerState()
  const mark = { owner: thisOwner(), run: process.env[runVariable] ?? '0', tree: `${fixture.split('.')[1]}.${command}` }
  return { name: markName(state.token), value: formatMark(mark), locks: nextLocksMark() }
}

/** A second mark that nothing else of this worker carries. */
export function nextLocksMark(): bigint | undefined {
  const state = workerState()
  state.marked += 1
  return state.locks?.of(state.marked)
}

/** The worker's guardian. It is started with the first thing that it has to watch. */
export function guardian(): Guardian {
  const state = workerState()
  return (state.guardian ??= startGuardian(state))
}

function startGuardian(state: WorkerState): Guardian {
  const made = new Guardian(
    { token: state.token, run: process.env[runVariable] ?? '0', locks: state.locks?.worker },
    {
      // It needs sleep, and ps where there is no /proc, whatever the tests have done to PATH.
      PATH: ['/usr/bin', '/bin', '/usr/sbin', '/sbin', process.env['PATH'] ?? '']
        .filter((path) => path !== '')
        .join(':'),
      [state.outside]: '1',
      [guardianVariable]: '1',
    },
  )
  realProcess.once('exit', () => {
    if (state.fixtures.size === 0) made.retire()
  })
  return made
}

/** Why `strict` cannot be had in this worker, or `undefined`. */
export function reasonAgainstStrict(state: WorkerState): string | undefined {
  if (!isMainThread) return 'this is a worker thread, which does not know its siblings’ children'
  if (table.name !== 'linux') return `it needs Linux’s /proc, and the process table in use is the ${table.name} one`
  state.natives ??= shareSubreaper(provenNatives())
  return typeof state.natives === 'string' ? state.natives : undefined
}

/** Fixtures and a guard may both want it: it is given up when nobody does any more. */
function shareSubreaper(natives: Natives | string): Natives | string {
  if (typeof natives === 'string') return natives
  const setSubreaper = (on: boolean): boolean => {
    const state = workerState()
    state.subreapers = Math.max(0, state.subreapers + (on ? 1 : -1))
    return natives.setSubreaper(state.subreapers > 0)
  }
  return { ...natives, setSubreaper }
}

/** The calls, once they have shown here that a double-forked child becomes ours. */
function provenNatives(): Natives | string {
  const natives = loadNatives()
  if (typeof natives === 'string') return natives
  if (readChildren(process.pid, process.pid) === undefined) return 'this kernel has no /proc/PID/task/TID/children'
  if (!natives.setSubreaper(true)) return 'prctl(PR_SET_CHILD_SUBREAPER) failed'
  try {
    const before = new Set(readChildren(process.pid, process.pid))
    leaveAnOrphan()
    for (const pid of readChildren(process.pid, process.pid) ?? []) {
      const record = before.has(pid) ? undefined : readStat(pid)
      if (record === undefined || record.ppid !== process.pid) continue
      signalProcess(record, 'SIGKILL')
      for (let round = 0; round < 1000 && !natives.takeExit(pid); round += 1) pause(0.2)
      return natives
    }
    return 'an orphan did not become a child of the subreaper (an old kernel, or a sandbox such as gVisor)'
  } finally {
    natives.setSubreaper(false)
  }
}

/** Its parent has exited, and it has not yet. */
const orphaning = ['-c', 'sleep 30 & :']

/** Starts what leaves an orphan, and waits for it: not by way of Node, which would make a copy of this process for it. */
function leaveAnOrphan(): void {
  const calls = nativeCalls()
  if (calls === undefined) return void spawnSync('/bin/sh', orphaning, { detached: true, stdio: 'ignore' } as object)
  const nothing = calls.nothing()
  try {
    const args = ['/bin/sh', ...orphaning]
    const env = entriesOf({ PATH: realProcess.env['PATH'] })
    const pid = calls.spawn({ file: '/bin/sh', args, env, cwd: '/', streams: [nothing, nothing, nothing] })
    while (calls.wait(pid) === 'running') pause(0.2)
  } finally {
    closeSync(nothing)
  }
}

/** Keeps a file of this process from the programs that it starts. Where it cannot be done they inherit it. */
export function closeOnExec(descriptor: number): void {
  const state = workerState()
  const natives = typeof state.natives === 'object' ? state.natives : (anyNatives ??= loadNatives())
  if (typeof natives === 'object') natives.closeOnExec(descriptor)
}

let anyNatives: Natives | string | undefined

/** What tells the commands of this process from what else it starts. */
const surroundings = (state: WorkerState): StrictSurroundings => ({
  trees: state.trees,
  outside: new Set([state.outside]),
  session: ownSession(),
  guardian: () => state.guardian?.pid,
})

const strictContainment = (state: WorkerState): StrictContainment =>
  (state.strict ??= new StrictContainment(
    state.natives as Natives,
    new UnwaitedChildren(),
    surroundings(state),
    state.orphans,
  ))

/**
 * Makes this main thread the subreaper for the worker threads that start from here on.
 *
 * @returns what ends that, or why it cannot be had.
 */
export function hostThreads(): (() => void) | string {
  const state = workerState()
  const reason = reasonAgainstStrict(state)
  if (reason !== undefined) return reason
  const strict = strictContainment(state)
  strict.hostsThreads = true
  return openHost(strict)
}

/** A process does not change its pid namespace. */
let isProcOwn = false

/**
 * Says no where no process can be looked at.
 *
 * @throws {ContainmentError}
 */
export function assertOwnProc(): void {
  if (isProcOwn) return
  const reason = foreignProc()
  isProcOwn = reason === undefined
  if (reason === undefined) return
  throw new ContainmentError(
    `No command can be contained here: ${reason}. Mount the /proc of this namespace (\`unshare --pid --fork --mount-proc\`, \`bwrap --unshare-pid --proc /proc\`).`,
  )
}

/**
 * The containment that a fixture gets.
 *
 * @throws {ContainmentError} on Windows, and for `strict` where it is not to be had.
 */
export function chooseContainment(wish: 'auto' | ContainmentLevel): Containment {
  assertOwnProc()
  const state = workerState()
  const host = wish === 'basic' ? undefined : findHost()
  if (host !== undefined) return (state.remote ??= new RemoteContainment(host, state.outside))
  const reason = wish === 'basic' ? 'it was not asked for' : reasonAgainstStrict(state)
  if (wish === 'strict' && reason !== undefined) throw refuseStrict(reason)
  if (reason !== undefined) return (state.basic ??= new BasicContainment(state.trees, surroundings(state)))
  return strictContainment(state)
}

/** A fixture begins to live: it gets its number. */
export function enterFixture(containment: Containment): string {
  const state = workerState()
  state.counted += 1
  // Tests put back an environment that they saved, and lose it.
  setOutside(state.outside)
  const fixture = `${state.token}.${state.counted}`
  endWithMain()
  state.fixtures.add(fixture)
  containment.enter(fixture)
  return fixture
}

/** A worker outlives its main process in Vitest 4. Its commands must not: it ends, and the guardian ends them. */
export function endWithMain(): void {
  const state = workerState()
  const isRunnersWorker = process.env['VITEST_WORKER_ID'] !== undefined || process.env['JEST_WORKER_ID'] !== undefined
  // Jest runs in band in its main process, which has no channel at all.
  if (isRunnersWorker && realProcess.connected === false) {
    throw new ProctorError('The main process of the test runner has gone: no command is started any more.')
  }
  if (state.onDisconnect !== undefined || !realProcess.connected) return
  state.onDisconnect = () => realProcess.exit(1)
  realProcess.once('disconnect', state.onDisconnect)
}

/** With the last fixture and the last guard, what listens for the end of the main process goes. */
export function letGoOfMain(): void {
  const state = workerState()
  if (state.onDisconnect === undefined || state.fixtures.size > 0 || state.guards.size > 0) return
  realProcess.off('disconnect', state.onDisconnect)
  state.onDisconnect = undefined
}

/** Whether no other fixture lives in this process, as far as this thread knows. */
export function isLastFixture(containment: Containment): boolean {
  const state = workerState()
  return state.fixtures.size === 1 && containment !== state.remote
}

/** A fixture has ended. With the last one, what holds on to this file's modules is let go. */
export function leaveFixture(containment: Containment, fixture: string): void {
  const state = workerState()
  containment.leave(fixture)
  state.fixtures.delete(fixture)
  letGoOfMain()
  if (state.fixtures.size > 0) return
  // The main thread, as the host of its threads, keeps what they ask.
  if (state.strict?.hostsThreads !== true) state.strict = undefined
  state.basic = undefined
  state.remote?.close()
  state.remote = undefined
}

/** Another worker's, that ran within a command and is dead. */
export { removeAbandoned } from '../guardian/sweep.js'

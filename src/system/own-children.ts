import { createHook } from 'node:async_hooks'
import { constants } from 'node:os'
import { every, soon } from '../base/clock.js'
import { realProcess } from '../base/real-process.js'
import { onceAWorker } from '../base/shelf.js'
import type { PosixSpawn, Waited } from './posix-spawn.js'

// The children that this package has started with posix_spawn(3), and so has to wait for. libuv only waits for its own
// children, one by one. Everybody in this worker must know which these are, because a wait by somebody else would take
// the exit away. So the list is kept once a worker, and so are the listeners: one of these children is the guardian,
// which lives on when Jest reloads these modules for the next file.

/** Signals that hardly anybody listens to. */
const unused: readonly NodeJS.Signals[] = ['SIGURG', 'SIGIO', 'SIGCHLD']
/** ms between two looks at children, in case no signal reports their exit. */
const slowly = 500

type Exit = Exclude<Waited, 'running'>
type OnExit = (exit: Exit) => void

interface Child {
  readonly wait: () => Waited
  readonly onExit: OnExit
}

interface OwnChildren {
  readonly children: Map<number, Child>
  stopListening: (() => void) | undefined
}

const own = onceAWorker('own-children.2', (): OwnChildren => ({ children: new Map(), stopListening: undefined }))
const { children } = own

/** Whether this package itself has started a child and not waited for it yet. Then nobody else may wait for it. */
export const isOwnChild = (pid: number): boolean => children.has(pid)

/** Waits for a child from now on. `onExit` is called once, and never from inside a call of this module. */
export function awaitChild(calls: PosixSpawn, pid: number, onExit: OnExit): void {
  children.set(pid, { wait: () => calls.wait(pid), onExit })
  if (own.stopListening !== undefined) return
  own.stopListening = listen()
  // Its signal may have come before anybody listened.
  soon(lookAtAll)
}

/** Looks whether a child has exited, in case the news of it is on its way. */
function look(pid: number, { wait, onExit }: Child): void {
  const waited = wait()
  if (waited === 'running') return
  children.delete(pid)
  onExit(waited)
}

function lookAtAll(): void {
  for (const [pid, child] of children) look(pid, child)
}

/** Listening does not end with the last child: the next test starts another one a moment later. */
function lookNowAndThen(): void {
  lookAtAll()
  if (children.size > 0) return
  own.stopListening?.()
  own.stopListening = undefined
}

function listen(): () => void {
  const stopSignal = onChildSignal(lookAtAll)
  // Node runs timers before it reads from pipes. An exit that was reported first would cut the output off.
  const stopLooking = every(slowly, () => void soon(lookNowAndThen))
  return () => {
    stopSignal()
    stopLooking()
  }
}

interface SignalHandle {
  onsignal: () => void
  start(signal: number): number
  unref(): void
  close(): void
}

/**
 * Calls back on SIGCHLD. It does not use process.on, because tests count its listeners, and remove them all. Like a
 * listener, it does not keep the process alive: every wait has a timer that does.
 */
function onChildSignal(callback: () => void): () => void {
  const Signal = (signalClass ??= findSignalClass())
  const handle = new Signal()
  handle.onsignal = callback
  handle.start(constants.signals.SIGCHLD)
  handle.unref()
  return () => handle.close()
}

let signalClass: (new () => SignalHandle) | undefined

/** Node creates a handle for the first listener of a signal, and passes it to async_hooks. */
function findSignalClass(): new () => SignalHandle {
  let found: (new () => SignalHandle) | undefined
  const hook = createHook({
    init: (_id, type, _trigger, resource) => {
      if (type === 'SIGNALWRAP') found = resource.constructor as new () => SignalHandle
    },
  }).enable()
  const unheard = (): void => {}
  const signal = unused.find((name) => realProcess.listenerCount(name) === 0) ?? 'SIGCHLD'
  realProcess.on(signal, unheard)
  realProcess.off(signal, unheard)
  hook.disable()
  if (found === undefined) throw new Error('Node has not said what it makes of a signal.')
  return found
}

import { realProcess } from '../base/real-process.js'
import { onceAWorker } from '../base/shelf.js'
import type { BasicContainment } from '../containment/basic.js'
import { type LocksMarks, openLocksMarks } from '../containment/locks-mark.js'
import { outsideName } from '../containment/marks.js'
import { newToken } from '../containment/owner.js'
import type { StrictContainment } from '../containment/strict.js'
import type { RemoteContainment } from '../containment/threads/remote.js'
import type { Tree } from '../containment/tree.js'
import type { Guardian } from '../guardian/guardian.js'
import type { Natives } from '../system/syscalls.js'

// What there is once in a worker, however many test files it runs and however many builds of this package they load.

export interface WorkerState {
  readonly token: string
  /** The variable that marks whatever the test starts itself; commands are started without it. */
  readonly outside: string
  /** Sets the second marks. Undefined where they cannot be set. */
  readonly locks: LocksMarks | undefined
  /** How many second marks have been given out. */
  marked: number
  readonly trees: Set<Tree>
  readonly fixtures: Set<string>
  counted: number
  /** The system calls, or the reason why there are none. Undefined until they are needed. */
  natives: Natives | string | undefined
  strict: StrictContainment | undefined
  /** Strangers that this worker adopted as a subreaper: pid and start time. */
  readonly orphans: Map<number, number>
  /** The second marks of ended commands of which an allowed process lives on. */
  readonly spared: Set<bigint>
  basic: BasicContainment | undefined
  remote: RemoteContainment | undefined
  guardian: Guardian | undefined
  /** While a fixture or a guard lives, the worker ends with its main process. This ends the listening for that. */
  letGoOfMain: (() => void) | undefined
  /** How many fixtures' containments and guards need this worker to be a subreaper. */
  subreapers: number
  /** Each ends one guard over what the tests of a file start by themselves. */
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
    spared: new Set(),
    basic: undefined,
    remote: undefined,
    guardian: undefined,
    letGoOfMain: undefined,
    subreapers: 0,
    guards: new Set(),
  }
}

/** Sets the variable that whatever the test starts by itself inherits; commands are started without it. */
export function setOutside(name: string): void {
  process.env[name] = '1'
  realProcess.env[name] = '1'
}

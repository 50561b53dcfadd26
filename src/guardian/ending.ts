import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { now, sleep } from '../base/clock.js'
import { table } from '../system/process-table/current.js'
import { isZombie, type ProcessIdentity, type ProcessRecord } from '../system/process-table/table.js'
import { endWorker, ownAncestors, signalGroup, signalProcess, type SignalOutcome } from '../system/signals.js'
import { listFiles } from '../workspace/listing.js'
import { dropOwnFolder } from '../workspace/own-folder.js'
import {
  draftsOf,
  dropRecord,
  isInWorkspaceOf,
  readRecord,
  type WorkerRecord,
  workspacesOf,
} from '../workspace/record.js'
import { removeFolder } from '../workspace/removal.js'
import { type Line, parseLine } from './protocol.js'
import { type Estate, findRemains, type Group, type Remains } from './remains.js'
import { machineOf } from './sweep.js'
import { type Death, endTrace } from './trace-end.js'

// What the guardian does when its worker is dead. guardian.sh starts it, with the lines that were open on standard input.

/** ms within which everything must be dead. */
const deadline = 10_000
/** Looks in a row that find nothing, before nothing is believed to be left. */
const emptyLooks = 3
/** ms that a process gets to show an environment: in the middle of an exec it has none. */
const execTime = 300
/** How many files of the workspaces a trace lists. */
const mostFiles = 500

const keyOf = ({ pid, startTime }: ProcessIdentity): string => `${pid} ${startTime}`

/** An identity as it stands in a variable. */
function identityIn(variable: string): ProcessIdentity | undefined {
  const [pid, startTime] = (process.env[variable] ?? '').split(' ').map(Number)
  return pid === undefined || startTime === undefined ? undefined : { pid, startTime }
}

const isAlive = (identity: ProcessIdentity): boolean => {
  const holder = table.identify(identity.pid)
  return holder !== undefined && table.isSame(holder, identity) && !isZombie(holder)
}

/** The main process of the runner has gone, and the worker cannot know: it goes, too. */
export function endWorkerWithoutMain(): void {
  const [main, worker] = [identityIn('PROCTOR_MAIN'), identityIn('PROCTOR_WORKER')]
  if (main !== undefined && worker !== undefined && !isAlive(main)) endWorker(worker)
}

class Ending {
  readonly #lines: readonly Line[]
  readonly #records: readonly WorkerRecord[]
  readonly #worker: ProcessIdentity
  /** A start time at which the worker was dead, or as good as. */
  readonly #end = table.startTimeNow()
  /** What leads a group or a session of ours, as long as it was last seen. */
  readonly #groups = new Map<string, Group>()
  readonly #killed = new Map<string, ProcessIdentity>()
  readonly #unreadSince = new Map<string, number>()
  readonly #reapers: ReadonlySet<number>

  constructor(lines: readonly Line[], worker: ProcessIdentity) {
    this.#lines = lines
    this.#worker = worker
    this.#records = lines.flatMap((line) => (line.kind === 'record' ? (readRecord(line.path) ?? []) : []))
    // The script became an orphan when the worker died.
    this.#reapers = new Set([1, table.identify(process.ppid)?.ppid ?? 1])
    for (const line of lines) {
      if (line.kind === 'group')
        this.#groups.set(keyOf(line.leader), { leader: line.leader, before: line.before ?? this.#end })
    }
  }

  async run(): Promise<void> {
    this.#strikeKnown()
    const isProven = await this.#endProcesses()
    this.#endTraces()
    // A folder under a living writer cannot be removed, and a record is what a sweep goes by.
    if (isProven) await this.#removeFiles()
  }

  /** What is known by number at once: to read the whole table takes its time. */
  #strikeKnown(): void {
    for (const line of this.#lines) {
      if (line.kind !== 'group' || !isAlive(line.leader) || this.#isExempt(line.leader)) continue
      if (this.#exemptProcesses.length === 0) signalGroup(line.leader.pid, line.leader, 'SIGKILL')
      else signalProcess(line.leader, 'SIGKILL')
      this.#killed.set(keyOf(line.leader), line.leader)
    }
  }

  get #exemptProcesses(): readonly ProcessIdentity[] {
    return this.#records.flatMap(({ exempt }) => exempt)
  }

  #isExempt(identity: ProcessIdentity): boolean {
    return this.#exemptProcesses.some((each) => table.isSame(each, identity))
  }

  /** Looks and kills until nothing is left. Whether that is so. */
  async #endProcesses(): Promise<boolean> {
    const end = now() + deadline
    for (let empty = 0; empty < emptyLooks;) {
      const remains = await this.#look()
      const outcomes = remains.ours.length === 0 ? [] : this.#strike(remains)
      const isRefused = outcomes.length > 0 && outcomes.every((outcome) => outcome === 'forbidden')
      if (isRefused || now() > end) return false
      empty = outcomes.length === 0 && !this.#isUncertain(remains.unread) ? empty + 1 : 0
      await sleep(outcomes.length === 0 ? 3 : 1)
    }
    return true
  }

  get #estate(): Estate {
    return {
      worker: this.#worker,
      mark: this.#records[0]?.mark ?? '',
      groups: [...this.#groups.values()],
      processes: this.#lines.flatMap((line) => (line.kind === 'process' ? [line.identity] : [])),
      exempt: this.#exemptProcesses,
      exemptTrees: new Set(this.#records.flatMap(({ exemptTrees }) => exemptTrees)),
      isInWorkspace: (path) => this.#records.some((record) => isInWorkspaceOf(record, path)),
    }
  }

  async #look(): Promise<Remains> {
    const seenAt = table.startTimeNow()
    const records = await table.snapshot()
    const remains = findRemains(this.#estate, machineOf(this.#withoutOwn(records), this.#reapers))
    for (const record of remains.ours) {
      const isLeader = record.group === record.pid || record.session === record.pid
      if (isLeader) this.#groups.set(keyOf(record), { leader: record, before: seenAt })
    }
    return remains
  }

  /** Without the guardian itself and what started it. */
  #withoutOwn(records: ReadonlyMap<number, ProcessRecord>): ReadonlyMap<number, ProcessRecord> {
    const own = records.get(process.pid)?.group
    const others = [...records].filter(([pid, { group }]) => group !== own && !ownAncestors().has(pid))
    return new Map(others)
  }

  #strike({ ours, groups }: Remains): SignalOutcome[] {
    const split = new Set(this.#exemptProcesses.length > 0 ? groups.keys() : [])
    for (const [group, witness] of groups) if (!split.has(group)) signalGroup(group, witness, 'SIGKILL')
    return ours.map((record) => {
      this.#killed.set(keyOf(record), record)
      return signalProcess(record, 'SIGKILL')
    })
  }

  #isUncertain(unread: readonly ProcessRecord[]): boolean {
    return unread.some((record) => {
      const since = this.#unreadSince.get(keyOf(record)) ?? now()
      this.#unreadSince.set(keyOf(record), since)
      return now() - since < execTime
    })
  }

  #endTraces(): void {
    const traces = this.#lines.filter((line) => line.kind === 'trace')
    if (traces.length === 0) return
    const folders = this.#records.flatMap(workspacesOf)
    const death: Death = {
      killed: [...this.#killed.values()].map(({ pid }) => pid),
      spared: this.#exemptProcesses.filter(isAlive).map(({ pid }) => pid),
      files: folders.flatMap((folder) => listFiles(folder, mostFiles)).slice(0, mostFiles),
    }
    for (const { draft, destination } of traces) endTrace(draft, destination, process.env['PROCTOR_PAGE'], death)
  }

  async #removeFiles(): Promise<void> {
    for (const record of this.#records) {
      const left = (await Promise.all(workspacesOf(record).map((folder) => removeFolder(folder)))).flat()
      // What stays is named by `proctor ps`, which goes by the record.
      if (left.length > 0) for (const draft of draftsOf(record)) endTrace(draft, undefined, undefined, nothing)
      else dropRecord(record)
      dropOwnFolder(dirname(record.path))
    }
  }
}

const nothing: Death = { killed: [], spared: [], files: [] }

/** Ends what the worker of the lines on standard input had open. */
export async function endEstate(): Promise<void> {
  const lines = readFileSync(0, 'utf8')
    .split('\n')
    .flatMap((line) => parseLine(line) ?? [])
  const worker = identityIn('PROCTOR_WORKER')
  if (worker !== undefined) await new Ending(lines, worker).run()
}

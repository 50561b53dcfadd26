import { text } from 'node:stream/consumers'
import { isRunning } from '../system/process-table/holder.js'
import { dirname } from 'node:path'
import { now } from '../base/clock.js'
import { table } from '../system/process-table/current.js'
import { keyOf, type ProcessIdentity } from '../system/process-table/table.js'
import { endWorker, signalGroup } from '../system/signals.js'
import { listFiles } from '../workspace/listing.js'
import { dropOwnFolder } from '../workspace/own-folder.js'
import {
  draftsOf,
  dropRecord,
  dropUnfinished,
  readRecord,
  type WorkerRecord,
  workspacesOf,
} from '../workspace/record.js'
import { removeFolder } from '../workspace/removal.js'
import { type DeadWorker, Estate } from './estate.js'
import { type Line, parseLine } from './protocol.js'
import { type Death, endTrace } from './trace-end.js'

// What the guardian does once its worker is dead. guardian.sh starts it, and writes the open lines to its standard input.

/** ms within which everything must be dead: a fork storm takes long to end on a busy machine. */
const deadline = 30_000
/** How many kills in a row must find nothing to end. */
const emptyKills = 2
/** The most files of the workspaces that a trace lists. */
const mostFiles = 500

/** Reads an identity from an environment variable. */
function identityIn(variable: string): ProcessIdentity | undefined {
  const [pid, startTime] = (process.env[variable] ?? '').split(' ').map(Number)
  return pid === undefined || startTime === undefined ? undefined : { pid, startTime }
}

/** The records that existed when the guardian started. A worker that was killed right after that has sent none. */
const untold = (): string[] => (process.env['PROCTOR_RECORDS'] ?? '').split('\n').filter((path) => path !== '')

/** Ends the worker if the runner's main process has gone: a worker in an endless loop never notices that. */
export function endWorkerWithoutMain(): void {
  const [main, worker] = [identityIn('PROCTOR_MAIN'), identityIn('PROCTOR_WORKER')]
  if (main !== undefined && worker !== undefined && !isRunning(main)) endWorker(worker)
}

class Ending {
  readonly #lines: readonly Line[]
  readonly #records: readonly WorkerRecord[]
  /** The records of which the worker had not written a whole first line when it died. */
  readonly #unfinished: readonly string[]
  readonly #estate: Estate
  readonly #killed = new Map<string, ProcessIdentity>()

  constructor(lines: readonly Line[], worker: DeadWorker) {
    this.#lines = lines
    const paths = lines.length === 0 ? untold() : lines.flatMap((line) => (line.kind === 'record' ? [line.path] : []))
    this.#records = paths.flatMap((path) => readRecord(path) ?? [])
    this.#unfinished = paths.filter((path) => this.#records.every((record) => record.path !== path))
    // The script that started this process became an orphan when the worker died: whoever adopted it adopts the others.
    const reaper = table.identify(process.ppid)?.ppid ?? 1
    this.#estate = new Estate(worker, this.#records, lines, [reaper])
  }

  async run(): Promise<void> {
    this.#killKnown()
    const isProven = await this.#endProcesses()
    this.#endTraces()
    // A folder cannot be removed while a process writes to it, and without the record a sweep would not find the processes.
    if (isProven) await this.#removeFiles()
  }

  /** Kills the groups that are known by number at once: reading the whole process table takes longer. */
  #killKnown(): void {
    if (this.#records.some(({ exempt }) => exempt.length > 0)) return
    for (const line of this.#lines) {
      if (line.kind !== 'group' || !isRunning(line.leader)) continue
      signalGroup(line.leader.pid, line.leader, 'SIGKILL')
      this.#killed.set(keyOf(line.leader), line.leader)
    }
  }

  /** Kills until nothing is left. Returns whether nothing is. */
  async #endProcesses(): Promise<boolean> {
    const end = now() + deadline
    for (let empty = 0; empty < emptyKills;) {
      const { survivors, killed } = await this.#estate.kill(Math.max(1, end - now()))
      for (const each of killed) this.#killed.set(keyOf(each), each)
      if (survivors.length > 0 || now() > end) return false
      empty = killed.length === 0 ? empty + 1 : 0
    }
    return true
  }

  #endTraces(): void {
    const traces = this.#lines.filter((line) => line.kind === 'trace')
    if (traces.length === 0) return
    const folders = this.#records.flatMap(workspacesOf)
    const death: Death = {
      killed: [...this.#killed.values()].map(({ pid }) => pid),
      spared: this.#estate.exempt.filter(isRunning).map(({ pid }) => pid),
      files: folders.flatMap((folder) => listFiles(folder, mostFiles)).slice(0, mostFiles),
    }
    for (const { draft, destination } of traces) endTrace(draft, destination, process.env['PROCTOR_PAGE'], death)
  }

  async #removeFiles(): Promise<void> {
    for (const path of this.#unfinished) {
      dropUnfinished(path)
      dropOwnFolder(dirname(path))
    }
    for (const record of this.#records) {
      const left = (await Promise.all(workspacesOf(record).map((folder) => removeFolder(folder)))).flat()
      // A folder that could not be removed keeps its record, by which `proctor ps` names it.
      if (left.length > 0) for (const draft of draftsOf(record)) endTrace(draft, undefined, undefined, nothing)
      else dropRecord(record)
      dropOwnFolder(dirname(record.path))
    }
  }
}

const nothing: Death = { killed: [], spared: [], files: [] }

/** Ends what the dead worker had open. Its lines are on standard input. */
export async function endEstate(): Promise<void> {
  // Read as a stream: readFileSync once failed with EAGAIN, on a busy machine.
  const lines = (await text(process.stdin)).split('\n').flatMap((line) => parseLine(line) ?? [])
  const worker = identityIn('PROCTOR_WORKER')
  const [, , token = '', locks = '', session = ''] = (process.env['PROCTOR_WORKER'] ?? '').split(' ')
  if (worker === undefined) return
  await new Ending(lines, {
    startTime: worker.startTime,
    session: session === '' ? undefined : Number(session),
    token,
    locks: locks === '' ? undefined : BigInt(locks),
  }).run()
}

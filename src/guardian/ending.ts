import { text } from 'node:stream/consumers'
import { isRunning } from '../system/process-table/holder.js'
import { dirname } from 'node:path'
import { now } from '../base/clock.js'
import { table } from '../system/process-table/current.js'
import { keyOf, type ProcessIdentity } from '../system/process-table/table.js'
import { endWorker, signalGroup } from '../system/signals.js'
import { listFiles } from '../workspace/listing.js'
import { dropOwnFolder } from '../workspace/own-folder.js'
import { draftsOf, dropRecord, readRecord, type WorkerRecord, workspacesOf } from '../workspace/record.js'
import { removeFolder } from '../workspace/removal.js'
import { type DeadWorker, Estate } from './estate.js'
import { type Line, parseLine } from './protocol.js'
import { type Death, endTrace } from './trace-end.js'

// What the guardian does when its worker is dead. guardian.sh starts it, with the lines that were open on standard input.

/** ms within which everything must be dead: storms take long where a machine has much else to do. */
const deadline = 30_000
/** How often in a row nothing is found, before nothing is believed to be left. */
const emptyKills = 2
/** How many files of the workspaces a trace lists. */
const mostFiles = 500

/** An identity as it stands in a variable. */
function identityIn(variable: string): ProcessIdentity | undefined {
  const [pid, startTime] = (process.env[variable] ?? '').split(' ').map(Number)
  return pid === undefined || startTime === undefined ? undefined : { pid, startTime }
}

/** The main process of the runner has gone, and the worker cannot know: it goes, too. */
export function endWorkerWithoutMain(): void {
  const [main, worker] = [identityIn('PROCTOR_MAIN'), identityIn('PROCTOR_WORKER')]
  if (main !== undefined && worker !== undefined && !isRunning(main)) endWorker(worker)
}

class Ending {
  readonly #lines: readonly Line[]
  readonly #records: readonly WorkerRecord[]
  readonly #estate: Estate
  readonly #killed = new Map<string, ProcessIdentity>()

  constructor(lines: readonly Line[], worker: DeadWorker) {
    this.#lines = lines
    this.#records = lines.flatMap((line) => (line.kind === 'record' ? (readRecord(line.path) ?? []) : []))
    // The script that started this became an orphan when the worker died.
    const reaper = table.identify(process.ppid)?.ppid ?? 1
    this.#estate = new Estate(worker, this.#records, lines, [reaper])
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
    if (this.#records.some(({ exempt }) => exempt.length > 0)) return
    for (const line of this.#lines) {
      if (line.kind !== 'group' || !isRunning(line.leader)) continue
      signalGroup(line.leader.pid, line.leader, 'SIGKILL')
      this.#killed.set(keyOf(line.leader), line.leader)
    }
  }

  /** Kills until nothing is left. Whether that is so. */
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
  // As a stream: readFileSync was once refused with EAGAIN, on a busy machine.
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

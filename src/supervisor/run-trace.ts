import { basename, dirname, resolve } from 'node:path'
import { uptime } from 'node:os'
import { wallClock } from '../base/clock.js'
import { remember, track } from '../containment/root.js'
import type { Tree } from '../containment/tree.js'
import type { ProcessIdentity, ProcessRecord } from '../system/process-table/table.js'
import { table } from '../system/process-table/current.js'
import { Mask } from '../trace/secrets.js'
import { Trace } from '../trace/trace.js'
import { assertReplaceable, TraceFile } from '../trace/trace-file.js'
import { guardian } from '../worker/own-guardian.js'
import type { RunReport } from './findings.js'

// The picture of a run: every process over time. It has no output, because the command has our own streams.

export class RunTrace {
  readonly #trace: Trace
  readonly #command: string
  readonly #mask = new Mask()
  #listener: ReturnType<Trace['command']> | undefined
  #tree: Tree | undefined

  /**
   * @throws {ProctorError} if it could not be written to `path`.
   */
  constructor(path: string, command: string) {
    this.#command = command
    this.#mask.learn(process.env)
    const header = {
      name: ['proctor run', command],
      at: Math.round(wallClock()),
      uptime: uptime(),
      worker: process.pid,
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      workspace: process.cwd(),
    }
    assertReplaceable(resolve(path))
    const file = new TraceFile(dirname(resolve(path)), () => basename(path), guardian())
    this.#trace = new Trace(file, () => header, this.#mask)
  }

  /** Called when the command runs. */
  started(pid: number): void {
    const env = { added: [], changed: [], removed: [] }
    this.#listener = this.#trace.command({ command: this.#command, cwd: process.cwd(), env: () => env })
    const leader = table.identify(pid)
    if (leader === undefined) return
    this.#tree = toTree(leader)
    this.#listener.started(this.#tree)
  }

  /**
   * Shows a process, too, whose parent had gone before the trace has seen it. What is ended next is seen once more as it
   * is then.
   */
  found(members: readonly ProcessRecord[]): void {
    if (this.#tree === undefined) return
    for (const each of members) remember(this.#tree, each)
    this.#listener?.found()
  }

  exited(code: number | null, signal: NodeJS.Signals | null): void {
    this.#listener?.exited(code, signal)
  }

  end(report: RunReport, hasFailed: boolean): void {
    this.#listener?.treeDead()
    const findings = [...report.left, ...report.allowed].map(({ pid, place, outcome }) => ({ pid, place, outcome }))
    const state = hasFailed ? 'failed' : 'passed'
    this.#trace.end({ state, findings, errors: [], files: [], containment: report.containment })
  }

  /** Called if there was nothing to see. */
  remove(): void {
    this.#trace.remove()
  }
}

/** A tree for a picture, which only looks at it. */
const toTree = ({ pid, startTime }: ProcessIdentity): Tree =>
  track({
    identity: { pid, startTime },
    mark: '',
    locks: undefined,
    owner: { kind: 'command', fixture: '0', number: 1 } as const,
    leadsGroup: true,
    workspace: process.cwd(),
    streams: new Set<string>(),
    isHeld: () => false,
    groupIsGone: true,
  })

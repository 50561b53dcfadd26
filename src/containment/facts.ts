import { statSync } from 'node:fs'
import { table } from '../system/process-table/current.js'
import { isZombie, type ProcessRecord } from '../system/process-table/table.js'
import { hasHolder } from '../system/signals.js'
import type { LocksLimit } from '../system/syscalls.js'
import type { Facts, Parentage } from './attribute.js'
import { readLocksMark } from './locks-mark.js'

/** The process that looks at others. */
export interface Self {
  /** The session of this process, or 0. */
  readonly session: number
  /**
   * The names of the variables that workers have in their environments and commands do not. There is one for each
   * thread.
   */
  readonly outside: ReadonlySet<string>
}

const namespaceOf = (pid: number | 'self'): number | undefined => {
  try {
    return statSync(`/proc/${pid}/ns/pid`).ino
  } catch {
    return undefined // Gone, another user's, or no /proc.
  }
}

/** Whether a process is in this process's pid namespace, as far as that can be known. */
const isInThisNamespace = (pid: number): boolean => table.name !== 'linux' || namespaceOf(pid) === namespaceOf('self')

/** The facts about a process. Each is read when it is first asked for, which never happens for most processes. */
export class ProcessFacts<Of> implements Facts<Of> {
  readonly parentage: Parentage<Of>
  readonly #record: ProcessRecord
  readonly #self: Self
  #environment: { readonly value: readonly string[] | undefined } | undefined
  #locks: { readonly value: LocksLimit | undefined } | undefined
  #cwd: { readonly value: string | undefined } | undefined
  #files: readonly string[] | undefined
  #isLocal: boolean | undefined
  #readable: boolean | undefined

  constructor(record: ProcessRecord, parentage: Parentage<Of>, self: Self) {
    this.#record = record
    this.parentage = parentage
    this.#self = self
  }

  /**
   * Whether it has not exited since it was listed. Of a process that has there is nothing to read but its limits, and in
   * a fork storm, of ours or of a stranger, that is nearly every one.
   */
  get #isReadable(): boolean {
    return (this.#readable ??= table.name !== 'linux' || (!isZombie(this.#record) && hasHolder(this.#record.pid)))
  }

  get isInOwnSession(): boolean {
    return this.#record.session !== 0 && this.#record.session === this.#self.session
  }

  get environment(): readonly string[] | undefined {
    this.#environment ??= { value: this.#isReadable ? table.environment(this.#record.pid) : undefined }
    return this.#environment.value
  }

  get locks(): LocksLimit | undefined {
    this.#locks ??= { value: table.name === 'linux' ? readLocksMark(this.#record.pid) : undefined }
    return this.#locks.value
  }

  get isOutside(): boolean {
    const { outside } = this.#self
    return this.environment?.some((entry) => outside.has(entry.slice(0, entry.indexOf('=')))) === true
  }

  get isLocal(): boolean {
    const { pid } = this.#record
    return (this.#isLocal ??= this.#isReadable && table.owner(pid) === process.geteuid?.() && isInThisNamespace(pid))
  }

  get cwd(): string | undefined {
    this.#cwd ??= { value: this.#isReadable ? table.cwd(this.#record.pid) : undefined }
    return this.#cwd.value
  }

  get files(): readonly string[] {
    return (this.#files ??= this.#isReadable ? table.openFiles(this.#record.pid) : [])
  }
}

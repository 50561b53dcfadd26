import { closeSync, openSync, readSync } from 'node:fs'
import { parsePids } from '../system/process-table/linux.js'

// Tells with two reads whether anything can have been started: most tests start nothing, and pay for nothing else.
// /proc/thread-self/children lists the children of this thread. Children that came and went unannounced, such as those of
// `execSync`, leave a trace in the page faults of children that were waited for (cminflt in proc(5)).

const buffer = Buffer.allocUnsafe(64 * 1024)

const open = (path: string): number | undefined => {
  try {
    return openSync(path, 'r')
  } catch {
    return undefined // No /proc: macOS.
  }
}

const readAgain = (file: number): string => buffer.toString('latin1', 0, readSync(file, buffer, 0, buffer.length, 0))

/** Notices when this thread has, or has had, other children than before. */
export class ChildActivity {
  #children = open('/proc/thread-self/children')
  #stat = open('/proc/self/stat')
  #last = ''

  /** A text that stays the same while nothing is started or ended. Undefined where that cannot be known. */
  read(): string | undefined {
    if (this.#children === undefined || this.#stat === undefined) return undefined
    const stat = readAgain(this.#stat)
    // Counted from the last parenthesis: the name before it may hold anything.
    const faults = stat.slice(stat.lastIndexOf(')')).split(' ', 10)[9]
    return `${faults} ${readAgain(this.#children)}`
  }

  /** Whether something has changed since the last `acknowledge`. False where that cannot be known. */
  hasChanged(): boolean {
    const text = this.read()
    return text !== undefined && text !== this.#last
  }

  /** The children of this thread. */
  children(): number[] {
    return this.#children === undefined ? [] : parsePids(readAgain(this.#children))
  }

  acknowledge(): void {
    this.#last = this.read() ?? ''
  }

  close(): void {
    if (this.#children !== undefined) closeSync(this.#children)
    if (this.#stat !== undefined) closeSync(this.#stat)
    // The descriptors may belong to other files from now on.
    this.#children = undefined
    this.#stat = undefined
  }
}

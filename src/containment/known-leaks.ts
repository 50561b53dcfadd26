/** ms that a process gets to exit by itself if another one with the same command line has leaked before. */
const shortTimeout = 200

/** A command line without what differs from one run of it to the next: temporary folders, ports, counters. */
const likeness = (command: string, workspace?: string): string =>
  (workspace === undefined ? command : command.replaceAll(workspace, '')).replaceAll(/\d+/g, '0')

/** What is needed about a process. */
interface Candidate {
  readonly command: string
  readonly tree?: { readonly workspace: string }
}

/**
 * The command lines that have leaked in a file. A program that did not exit by itself once will not do so the next time
 * either. It gets less time, so that forty leaking tests cost seconds and not minutes.
 */
export class KnownLeaks {
  readonly #seen = new Set<string>()

  remember(leaked: readonly Candidate[]): void {
    for (const { command, tree } of leaked) this.#seen.add(likeness(command, tree?.workspace))
  }

  /** ms that these get to exit by themselves. */
  timeoutFor(look: () => readonly Candidate[], leakTimeout: number): number {
    if (this.#seen.size === 0 || leakTimeout <= shortTimeout) return leakTimeout
    const isKnown = ({ command, tree }: Candidate): boolean => this.#seen.has(likeness(command, tree?.workspace))
    const left = look()
    return left.length > 0 && left.every(isKnown) ? shortTimeout : leakTimeout
  }
}

const ofFiles = new Map<string, KnownLeaks>()

/** The known leaks of a test file, or of the worker if the file is unknown. */
export function knownLeaks(file = ''): KnownLeaks {
  let known = ofFiles.get(file)
  if (known === undefined) {
    known = new KnownLeaks()
    ofFiles.set(file, known)
  }
  return known
}

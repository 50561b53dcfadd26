/** ms that a process gets to go by itself when another one of its command line has leaked before. */
const shortTimeout = 200

/** A command line less what differs from one run of it to the next: folders of tests, ports, counters. */
const likeness = (command: string, workspace?: string): string =>
  (workspace === undefined ? command : command.replaceAll(workspace, '')).replaceAll(/\d+/g, '0')

/** What is looked at of a process. */
interface Candidate {
  readonly command: string
  readonly tree?: { readonly workspace: string }
}

/**
 * The command lines that have leaked in a file. What did not go by itself will not the next time either: it is not waited
 * for as long, so that forty leaking tests cost seconds and not minutes.
 */
export class KnownLeaks {
  readonly #seen = new Set<string>()

  remember(leaked: readonly Candidate[]): void {
    for (const { command, tree } of leaked) this.#seen.add(likeness(command, tree?.workspace))
  }

  /** ms that these get to go by themselves. */
  timeoutFor(look: () => readonly Candidate[], leakTimeout: number): number {
    if (this.#seen.size === 0 || leakTimeout <= shortTimeout) return leakTimeout
    const isKnown = ({ command, tree }: Candidate): boolean => this.#seen.has(likeness(command, tree?.workspace))
    const left = look()
    return left.length > 0 && left.every(isKnown) ? shortTimeout : leakTimeout
  }
}

const ofFiles = new Map<string, KnownLeaks>()

/** Those of a file of tests; of a worker when nobody says which file it is. */
export function knownLeaks(file = ''): KnownLeaks {
  let known = ofFiles.get(file)
  if (known === undefined) {
    known = new KnownLeaks()
    ofFiles.set(file, known)
  }
  return known
}

import { every, now, restUntil } from '../base/clock.js'
import { listeners } from '../system/sockets/current.js'
import type { Listener } from '../system/sockets/listener.js'
import type { WatchedProcess } from './tree-watch.js'

// Samples on which ports the processes of a test listen, for a trace. It may miss a port that is only open for a
// moment: it is for a picture, not for a proof.

/** The shortest time between two looks, in ms. */
const lookInterval = 50
/** After a look, this many times its duration passes before the next one. */
const rest = 200

interface Open {
  readonly process: WatchedProcess
  readonly port: number
  readonly address: string
}

export interface PortListener {
  opened(open: Open): void
  closed(open: Open): void
}

export class PortSampler {
  readonly #living: () => readonly WatchedProcess[]
  readonly #listener: PortListener
  readonly #stop: () => void
  /** The keys are the ids of the sockets. */
  readonly #open = new Map<number, Open>()
  #nextLook = 0
  #isLooking = false

  constructor(living: () => readonly WatchedProcess[], listener: PortListener) {
    this.#living = living
    this.#listener = listener
    this.#stop = every(lookInterval, () => {
      if (now() >= this.#nextLook) void this.look()
    })
  }

  /** Looks now, for example after a wait for a port. */
  async look(): Promise<void> {
    const living = this.#living()
    if (this.#isLooking || (living.length === 0 && this.#open.size === 0)) return
    this.#isLooking = true
    const begin = now()
    try {
      await this.#compare(living)
    } catch {
      // No file descriptor is left, or there is no lsof(8). Whoever needs the answer will report that.
    }
    this.#isLooking = false
    this.#nextLook = restUntil(begin, rest)
  }

  async #compare(living: readonly WatchedProcess[]): Promise<void> {
    const byPid = new Map(living.map((process) => [process.pid, process]))
    const pids = [...byPid.keys()]
    // The kernel goes through its whole table of connections for a list of its sockets: 10 ms on some machines.
    if (this.#open.size === 0 && !listeners.hasSockets(pids)) return
    const sight = await listeners.look(pids, 'tcp')
    const seen = new Set(sight.held.keys())
    for (const [id, open] of this.#open) {
      if (seen.has(id)) continue
      this.#open.delete(id)
      this.#listener.closed(open)
    }
    for (const listener of sight.listeners) this.#note(listener, byPid.get(sight.held.get(listener.id) ?? 0))
  }

  #note({ id, port, address }: Listener, process: WatchedProcess | undefined): void {
    if (process === undefined || port === undefined || this.#open.has(id)) return
    const open = { process, port, address }
    this.#open.set(id, open)
    this.#listener.opened(open)
  }

  close(): void {
    this.#stop()
  }
}

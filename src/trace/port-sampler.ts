import { every, now } from '../base/clock.js'
import { listeners } from '../system/sockets/current.js'
import type { Listener } from '../system/sockets/listener.js'
import type { WatchedProcess } from './tree-watch.js'

// Looks now and then on which ports the processes of a test listen, for a trace. A port that is open for a moment only
// may be missed: it is a picture, not a proof.

/** ms between two looks, at least. */
const lookInterval = 50
/** Looks take this part of the time at most. */
const mostOfTime = 1 / 200

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
  /** By the socket's id. */
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

  /** Looks now, as after a wait for a port. */
  async look(): Promise<void> {
    const living = this.#living()
    if (this.#isLooking || (living.length === 0 && this.#open.size === 0)) return
    this.#isLooking = true
    const begin = now()
    try {
      await this.#compare(living)
    } catch {
      // No descriptor is left, or lsof(8) is not there: whoever needs to know will say so.
    }
    this.#isLooking = false
    this.#nextLook = now() + (now() - begin) / mostOfTime
  }

  async #compare(living: readonly WatchedProcess[]): Promise<void> {
    const byPid = new Map(living.map((process) => [process.pid, process]))
    const sight = await listeners.look([...byPid.keys()], 'tcp')
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

import { existsSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { PortInUseError } from '../base/errors.js'
import { listeners } from '../system/sockets/current.js'
import type { Listener, ListenerSight } from '../system/sockets/listener.js'
import { parseMarks } from '../containment/marks.js'
import { isOwnerDead, thisOwner } from '../containment/owner.js'
import { now, restUntil } from '../base/clock.js'
import { shortCommand, shortStranger } from '../base/short-command.js'
import { table } from '../system/process-table/current.js'

// Asks the kernel who listens, and does not connect to the port: an answer does not tell who has answered.

/** What a wait for a port needs to know about the command. */
export interface PortHost {
  readonly command: string
  readonly cwd: string
  /** The living processes of its tree, and whether there may be more. */
  members(): Promise<{ readonly pids: readonly number[]; readonly isUncertain: boolean }>
}

/** What to wait for: a port, the path of a unix socket, or whatever is opened first. */
export type Place = number | string | undefined

/** The result of one look. */
export type PortSight =
  | { readonly state: 'listening'; readonly listener: Listener }
  /** Nothing of the tree listens, or the last look was just before. */
  | { readonly state: 'quiet' }
  /** Nothing of the tree is left. */
  | { readonly state: 'gone' }

/** The shortest time between two looks, in ms. */
const shortestPause = 5
/** After a look, this many times its duration passes before the next one. */
const rest = 5

/** Whether a connection to `localhost` could reach this listener. */
const isWhereOneConnects = ({ address }: Listener): boolean =>
  ['0.0.0.0', '::', '127.0.0.1', '::1', '*'].includes(address)

const realPath = (path: string): string => {
  try {
    return join(realpathSync(dirname(path)), basename(path))
  } catch {
    return path // Its folder is not there yet.
  }
}

const describePlace = ({ address, port }: Listener): string =>
  port === undefined ? address : `${address.includes(':') ? `[${address}]` : address}:${port}`

/** Looks repeatedly whether a command's own tree listens somewhere. */
export class PortWatch {
  readonly #host: PortHost
  readonly #place: Place
  #nextLook = 0
  /** The listeners of the tree at the last look. */
  #own: readonly Listener[] = []

  constructor(host: PortHost, place: Place) {
    this.#host = host
    this.#place = typeof place === 'string' && !place.startsWith('@') ? realPath(resolve(host.cwd, place)) : place
  }

  /**
   * Looks, unless the last look was just before.
   *
   * @throws {PortInUseError} if a stranger listens on the port.
   */
  async look(): Promise<PortSight> {
    const begin = now()
    if (begin < this.#nextLook) return { state: 'quiet' }
    const { pids, isUncertain } = await this.#host.members()
    const sight = await this.#sightOf(pids)
    const own = sight.listeners.filter((listener) => this.#isWanted(listener, sight))
    this.#own = sight.listeners.filter(({ id, port }) => port !== undefined && sight.held.has(id))
    await this.#refuseStrangers(sight, own.length > 0)
    this.#nextLook = Math.max(now() + shortestPause, restUntil(begin, rest))
    const [first] = own.toSorted((a, b) => a.id - b.id)
    if (first !== undefined) return { state: 'listening', listener: first }
    return { state: pids.length === 0 && !isUncertain ? 'gone' : 'quiet' }
  }

  /** What a timeout can add to its message. */
  get hint(): string | undefined {
    if (this.#place === undefined) return 'Its processes listen on no port.'
    const places = this.#own.map(describePlace).join(', ')
    const instead = places === '' ? 'Its processes listen on no port' : `Its processes listen on ${places}`
    return `${instead}, and nobody on ${this.#place}.`
  }

  /** The listeners of some processes. If there are no processes, those that the test itself could connect to. */
  async #sightOf(pids: readonly number[]): Promise<ListenerSight> {
    const kind = typeof this.#place === 'string' ? 'unix' : 'tcp'
    if (pids.length > 0) return listeners.look(pids, kind)
    return { ...(await listeners.look([process.pid], kind)), held: new Map() }
  }

  #isWanted(listener: Listener, { held }: ListenerSight): boolean {
    const holder = held.get(listener.id)
    if (holder === undefined) return false
    if (this.#place === undefined) return listener.port !== undefined
    return typeof this.#place === 'number' ? listener.port === this.#place : this.#isAtPath(listener, holder)
  }

  /** A relative path is relative to the folder in which the socket was bound. */
  #isAtPath({ address, port }: Listener, holder: number): boolean {
    if (port !== undefined) return false
    if (address.startsWith('@') || address === this.#place) return address === this.#place
    const base = table.cwd(holder) ?? this.#host.cwd
    return realPath(resolve(base, address)) === this.#place
  }

  #isStranger(listener: Listener, { held }: ListenerSight): boolean {
    if (held.has(listener.id)) return false
    if (typeof this.#place === 'number') return listener.port === this.#place && isWhereOneConnects(listener)
    return typeof this.#place === 'string' && listener.address === this.#place && listener.port === undefined
  }

  async #refuseStrangers(sight: ListenerSight, isOwnThere: boolean): Promise<void> {
    const suspects = sight.listeners.filter((listener) => this.#isStranger(listener, sight))
    if (suspects.length === 0) return
    // A socket whose file was removed, or replaced by another socket's, cannot be reached.
    if (typeof this.#place === 'string' && (isOwnThere || !(this.#place.startsWith('@') || existsSync(this.#place))))
      return
    // The socket may have been opened or closed during the look. If its holder is still not ours, it is a stranger's.
    const again = await this.#sightOf((await this.#host.members()).pids)
    const [stranger] = again.listeners.filter(
      (listener) => this.#isStranger(listener, again) && suspects.some(({ id }) => id === listener.id),
    )
    if (stranger !== undefined) throw await this.#refusal(stranger, again)
  }

  async #refusal(stranger: Listener, { unreadable }: ListenerSight): Promise<PortInUseError> {
    const command = shortCommand(this.#host.command)
    const what = stranger.port === undefined ? stranger.address : `Port ${stranger.port}`
    const [pid] = await listeners.holdersOf(stranger)
    if (pid === undefined) {
      const seen = `(listens on ${describePlace(stranger)}${stranger.owner === undefined ? '' : `, made by uid ${stranger.owner}`})`
      const own = unreadable.join(', ')
      return new PortInUseError(
        unreadable.length === 0
          ? `${what} is held by a process that ${command} did not start, and that may not be looked at ${seen}.`
          : `${what} is held by a process that may not be looked at ${seen}. So is process ${own} of ${command}: whether it is the holder cannot be told.`,
        this.#place ?? 0,
      )
    }
    const holder = { pid, command: table.commandLine(pid) }
    const record = table.identify(pid)
    const age = record === undefined ? '' : `, started ${new Date(table.startedAt(record)).toISOString()}`
    return new PortInUseError(
      `${what} is held by process ${pid}, which ${command} did not start:\n  ${pid} ${shortStranger(holder.command)} (listens on ${describePlace(stranger)}${age})${descent(pid)}`,
      this.#place ?? 0,
      holder,
    )
  }
}

/** Whether a test started the holder of a port, and which one. */
function descent(pid: number): string {
  if (pid === process.pid) return '\nIt is the process of this test itself.'
  const marks = parseMarks(table.environment(pid) ?? [])
  if (marks.length === 0) return ''
  if (marks.some(({ owner }) => owner.pid === thisOwner().pid && owner.startTime === thisOwner().startTime)) {
    return '\nIt is another command of this test worker.'
  }
  return marks.every(({ owner }) => isOwnerDead(owner))
    ? '\nAn earlier test run has left it: `npx proctor sweep` ends what such runs have left.'
    : '\nAnother test worker has started it.'
}

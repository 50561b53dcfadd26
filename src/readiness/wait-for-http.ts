import { isProctorError, type WaitTimeoutDetails } from '../base/errors.js'
import type { Listener } from '../system/sockets/listener.js'
import { describeAnswer, type HttpAnswer, type HttpWaitOptions, parseTarget, httpWaitRules } from './http.js'
import { checkOptions } from '../base/check.js'
import { show } from '../base/words.js'
import { refusePromise } from '../wait/pattern.js'
import type { Place, PortHost, PortWatch } from './port-watch.js'
import { type WaitOptions, waitRules } from '../wait/options.js'
import { knowPort } from '../snapshot/normalise.js'
import type { Attempt } from '../wait/waits.js'
import { whenOver } from '../wait/unawaited.js'

/** What a wait for readiness needs from a command. */
export interface ReadinessHost extends PortHost {
  /** Whether its leader has exited and its output is complete. */
  hasSettled(): boolean
  /** Remembers what the test knows now. Returns the error for a wait after which nothing of the tree is left. */
  whatIfGone(): () => Error
  /** Excuses an exit with an error that follows, because the stranger on the port explains it. */
  excuseExit(): void
  wait<Value>(attempt: Attempt<Value>, options: WaitOptions, explain: () => TimeoutDetails): Promise<Value>
}

/** What a timeout says in addition to the output so far. */
export type TimeoutDetails = WaitTimeoutDetails

/**
 * The longest path of a unix socket, in bytes: 108 on Linux and 104 on macOS, including a NUL at its end. See unix(7).
 */
const longestPath = process.platform === 'linux' ? 107 : 103

function checkLength(caller: string, path: string): void {
  const length = Buffer.byteLength(path)
  // An abstract name, which begins with an @, has no NUL at its end.
  if (length <= longestPath + (path.startsWith('@') ? 1 : 0)) return
  throw new TypeError(
    `${caller}: the path has ${length} bytes, and no unix socket can be there: accepted are at most ${longestPath}. A shorter TMPDIR makes room, or a path relative to the command's cwd. It is ${path}`,
  )
}

function checkPlace(caller: string, place: unknown): asserts place is Place {
  if (typeof place === 'string') checkLength(caller, place)
  // A number as text, for example from the environment, would be taken for the path of a socket.
  if (place === undefined || (typeof place === 'string' && !/^\d*$/.test(place))) return
  if (typeof place === 'number' && Number.isInteger(place) && place > 0 && place < 65_536) return
  throw new TypeError(
    `${caller}: the port is ${show(place)}. Accepted is a number from 1 to 65535, or the path of a socket.`,
  )
}

/** Looks for listeners. The code is imported at the first look, because most tests wait for no port. */
class Lookout {
  readonly #host: ReadinessHost
  readonly #place: Place
  readonly #errorOnceGone: () => Error
  #watch: PortWatch | undefined

  constructor(host: ReadinessHost, place: Place) {
    this.#host = host
    this.#place = place
    this.#errorOnceGone = host.whatIfGone()
  }

  /** Returns the listener, if there is one. Throws if it is a stranger's, or if nothing of the tree is left. */
  async look(): Promise<Listener | undefined> {
    const { PortWatch } = await import('./port-watch.js')
    this.#watch ??= new PortWatch(this.#host, this.#place)
    const wasSettled = this.#host.hasSettled()
    const sight = await this.#watch.look().catch((error: unknown) => {
      if (isProctorError(error, 'PortInUseError')) this.#host.excuseExit()
      throw error
    })
    if (sight.state === 'listening') {
      if (sight.listener.port !== undefined) knowPort(sight.listener.port)
      return sight.listener
    }
    if (sight.state === 'gone' && wasSettled) throw this.#errorOnceGone()
    return undefined
  }

  get hint(): string | undefined {
    return this.#watch?.hint
  }
}

// Neither of these is async: they must return the waits' own promises, which teardown marks as handled.

/** `waitForPort`. */
export function waitForPort(host: ReadinessHost, place: unknown, options: WaitOptions): Promise<number | string> {
  checkPlace('waitForPort', place)
  checkOptions('waitForPort', options, waitRules)
  const lookout = new Lookout(host, place)
  const attempt: Attempt<number | string> = async () => {
    const listener = await lookout.look()
    return listener === undefined ? undefined : { value: listener.port ?? (place as string) }
  }
  return host.wait(attempt, options, () => ({ cause: lookout.hint }))
}

/**
 * The timeout of the first request, in ms, so that a request without an answer does not use up the whole wait. It is
 * doubled for each retry.
 */
const firstPatience = 1000

const isSuccess = (status: number): boolean => status >= 200 && status < 400

/** `waitForHttp`. */
export function waitForHttp(host: ReadinessHost, target: unknown, options: HttpWaitOptions): Promise<HttpAnswer> {
  const { port, urlAt, leadsTo } = parseTarget('waitForHttp', target)
  checkOptions('waitForHttp', options, httpWaitRules)
  const { status: wanted = isSuccess, ...terms } = options
  const isReady = (got: number): boolean =>
    typeof wanted === 'number' ? got === wanted : refusePromise('waitForHttp: status', wanted(got))
  const lookout = new Lookout(host, port)
  const ending = new AbortController()
  let last: HttpAnswer | Error | undefined
  let elsewhere: Listener | undefined
  let [asked, hasListened, patience] = [String(target), false, firstPatience]
  const attempt: Attempt<HttpAnswer> = async () => {
    const listener = await lookout.look()
    // A stranger may answer at another address of the same port.
    if (listener === undefined) return undefined
    elsewhere = leadsTo(listener) ? undefined : listener
    if (elsewhere !== undefined) return undefined
    hasListened = true
    const url = urlAt(listener)
    asked = url.href
    const { ask } = await import('./ask.js')
    try {
      last = await ask(url, patience, ending.signal)
    } catch (error) {
      last = error as Error
      patience *= 2
      return undefined
    }
    return isReady(last.status) ? { value: last } : undefined
  }
  const answer = host.wait(attempt, terms, () => ({
    note: describeAnswer(asked, last),
    cause:
      elsewhere === undefined
        ? hasListened
          ? undefined
          : lookout.hint
        : `Its processes listen on ${elsewhere.address}:${elsewhere.port}, which is not where ${String(target)} leads.`,
  }))
  whenOver(answer, () => ending.abort())
  return answer
}

/**
 * A TCP port on which nobody listens, and that no other worker is given while this one lives.
 *
 * @throws {ProctorError} if none of 200 ports is free.
 * @example
 * const port = await freePort()
 * const server = run('node', ['server.mjs', String(port)])
 * await server.waitForPort(port)
 */
export async function freePort(): Promise<number> {
  const { takeFreePort } = await import('./free-port.js')
  return takeFreePort()
}

import { isProctorError, type WaitTimeoutError } from '../system/errors.js'
import type { Listener } from '../system/listeners/listener.js'
import { ask, describeAnswer, type HttpAnswer, type HttpWaitOptions, parseTarget } from './http.js'
import { checkOptions, httpWaitRules, show, waitRules } from './options.js'
import { type Place, type PortHost, PortWatch } from './ports.js'
import type { WaitOptions } from './process.js'
import { knowPort } from './snapshot.js'
import type { Attempt } from './waits.js'

/** What a wait for readiness needs of a command. */
export interface ReadinessHost extends PortHost {
  /** Whether its leader has exited, and its output is complete. */
  hasSettled(): boolean
  /** Remembers what the test knows now. Gives what a wait rejects with once nothing of the tree is left. */
  whatIfGone(): () => Error
  /** The stranger on the port explains an exit with an error that follows. */
  excuseExit(): void
  wait<Value>(attempt: Attempt<Value>, options: WaitOptions, explain: () => TimeoutDetails): Promise<Value>
}

/** What a timeout says beside the output so far. */
export type TimeoutDetails = ConstructorParameters<typeof WaitTimeoutError>[2]

function checkPlace(caller: string, place: unknown): asserts place is Place {
  if (place === undefined || (typeof place === 'string' && place !== '')) return
  if (typeof place === 'number' && Number.isInteger(place) && place > 0 && place < 65_536) return
  throw new TypeError(
    `${caller}: the port is ${show(place)}. Accepted is a number from 1 to 65535, or the path of a socket.`,
  )
}

/** Looks for who listens; throws when a stranger does, or nobody will any more. */
function lookout(host: ReadinessHost, watch: PortWatch): () => Promise<Listener | undefined> {
  const errorOnceGone = host.whatIfGone()
  return async () => {
    const wasSettled = host.hasSettled()
    const sight = await watch.look().catch((error: unknown) => {
      if (isProctorError(error, 'PortInUseError')) host.excuseExit()
      throw error
    })
    if (sight.state === 'listening') {
      if (sight.listener.port !== undefined) knowPort(sight.listener.port)
      return sight.listener
    }
    if (sight.state === 'gone' && wasSettled) throw errorOnceGone()
    return undefined
  }
}

// Not async, both: the promises that they return are the waits' own, which teardown marks as handled.

/** `waitForPort`. */
export function waitForPort(host: ReadinessHost, place: unknown, options: WaitOptions): Promise<number | string> {
  checkPlace('waitForPort', place)
  checkOptions('waitForPort', options, waitRules)
  const watch = new PortWatch(host, place)
  const look = lookout(host, watch)
  const attempt: Attempt<number | string> = async () => {
    const listener = await look()
    return listener === undefined ? undefined : { value: listener.port ?? (place as string) }
  }
  return host.wait(attempt, options, () => ({ cause: watch.hint }))
}

const isSuccess = (status: number): boolean => status >= 200 && status < 400

/** `waitForHttp`. */
export function waitForHttp(host: ReadinessHost, target: unknown, options: HttpWaitOptions): Promise<HttpAnswer> {
  const { port, urlAt } = parseTarget('waitForHttp', target)
  checkOptions('waitForHttp', options, httpWaitRules)
  const { status: wanted = isSuccess, ...terms } = options
  const isReady = typeof wanted === 'number' ? (status: number): boolean => status === wanted : wanted
  const watch = new PortWatch(host, port)
  const look = lookout(host, watch)
  const ending = new AbortController()
  let last: HttpAnswer | Error | undefined
  let [asked, hasListened] = [String(target), false]
  const attempt: Attempt<HttpAnswer> = async () => {
    const listener = await look()
    if (listener === undefined) return undefined
    hasListened = true
    const url = urlAt(listener)
    asked = url.href
    try {
      last = await ask(url, ending.signal)
    } catch (error) {
      last = error as Error
      return undefined
    }
    return isReady(last.status) ? { value: last } : undefined
  }
  const answer = host.wait(attempt, terms, () => ({
    note: describeAnswer(asked, last),
    cause: hasListened ? undefined : watch.hint,
  }))
  const end = (): void => ending.abort()
  answer.then(end, end)
  return answer
}

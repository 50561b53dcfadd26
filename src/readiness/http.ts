import { milliseconds, type Rules } from '../base/check.js'
import { isIPv4 } from 'node:net'
import { isError, isURL } from '../base/kinds.js'
import type { Listener } from '../system/sockets/listener.js'

/** An answer over HTTP. */
export interface HttpAnswer {
  /** The URL that answered. */
  readonly url: string
  readonly status: number
  readonly statusText: string
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Decoded as UTF-8. At most the first megabyte. */
  readonly body: string
}

export interface HttpWaitOptions {
  /** ms, by default the fixture's `waitTimeout`. */
  readonly timeout?: number
  /** Which status counts as ready: a number, or a function of it. Default: 200 to 399. Redirects are not followed. */
  readonly status?: number | ((status: number) => boolean)
}

export const httpWaitRules: Rules<HttpWaitOptions> = {
  timeout: milliseconds,
  status: {
    accepts: 'a status from 100 to 599, or a function of it',
    test: (value) =>
      typeof value === 'function' ||
      (typeof value === 'number' && Number.isInteger(value) && value >= 100 && value <= 599),
  },
}

/** What to request: a path like `/health` on the port that the command opens, or a whole URL. */
export interface HttpTarget {
  /** undefined: the port that the command opens. */
  readonly port: number | undefined
  readonly urlAt: (listener: Listener) => URL
  /** Whether a connection to the URL's host would reach this listener, as far as that can be known. */
  readonly leadsTo: (listener: Listener) => boolean
}

/**
 * @throws {TypeError} if it is neither a path nor a URL.
 */
export function parseTarget(caller: string, target: unknown): HttpTarget {
  if (typeof target === 'string' && /^\/(?![/\\])/.test(target)) {
    return {
      port: undefined,
      urlAt: (listener) => new URL(target, `http://${hostOf(listener)}:${listener.port}`),
      leadsTo: () => true,
    }
  }
  const isAddress = typeof target === 'string' || isURL(target)
  const url = isAddress && URL.canParse(String(target)) ? new URL(String(target)) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    const shown = typeof target === 'string' ? JSON.stringify(target) : typeof target
    throw new TypeError(`${caller}: the url is ${shown}. Accepted is a path such as '/health', or an http(s) url.`)
  }
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
  // Host names and the other address family cannot be decided here.
  const leadsTo = ({ address }: Listener): boolean =>
    address === '0.0.0.0' || address === url.hostname || !isIPv4(address) || !isIPv4(url.hostname)
  return { port, urlAt: () => url, leadsTo }
}

/** The host to connect to, in order to reach a listener. */
function hostOf({ address }: Listener): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  if (address === '::') return '[::1]'
  return address.includes(':') ? `[${address}]` : address
}

/** How many characters of a body an error shows. */
const mostShown = 1000

/** The last answer, or why there was none, for an error. */
export function describeAnswer(url: string, last: HttpAnswer | Error | undefined): string {
  if (last === undefined) return `No answer from ${url} so far.`
  if (isError(last)) return `No answer from ${url}: ${last.message}`
  const body = last.body.length <= mostShown ? last.body : `${last.body.slice(0, mostShown)}…`
  const text = body.trimEnd() === '' ? '' : `\n${body.trimEnd()}`
  return `Last answer from ${last.url}: ${last.status} ${last.statusText}`.trimEnd() + text
}

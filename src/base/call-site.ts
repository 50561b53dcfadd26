import { basename } from 'node:path'
import { framesBelow, isBranded, printed } from './error-text.js'

/** Makes a function that recognises the frames of this package, from a stack that begins in it. */
function ownFrames(frames: string): (frame: string) => boolean {
  const root = /^\n\s+at (?:.* \()?(.*\/)(?:dist|src)\//.exec(frames)?.[1]
  // Jest maps the frames of some files to their sources, but not those of others.
  return (frame) => root !== undefined && (frame.includes(`${root}dist/`) || frame.includes(`${root}src/`))
}

/** The frames of a stack that begins in this package, without our own, so that the test's line is printed first. */
function withoutOwnFrames(frames: string): string {
  const isOwn = ownFrames(frames)
  const others = frames.split('\n').filter((frame) => !isOwn(frame))
  // All frames are our own: they are better than none.
  return others.some((frame) => frame.trim() !== '') ? others.join('\n') : frames
}

/** Frames of Node and of the language's built-in functions. */
const isBuiltIn = (frame: string): boolean => /(?:at |\()node:|<anonymous>\)?$/.test(frame)

/** Whether this package raised an error. The test's own functions, which it calls, raise errors of their own. */
function isRaisedHere(error: unknown, isOwn: (frame: string) => boolean): error is Error {
  const frames = framesBelow(error)?.split('\n') ?? []
  const first = frames.find((frame) => frame.trim() !== '' && !isBuiltIn(frame))
  return first !== undefined && isOwn(first)
}

/** There are more frames of ours and of the runner between a matcher and the test's line than Node keeps. */
const mostFrames = 40

/** Calls a function that makes an error, with a stack that is long enough to contain the test's line. */
export function withManyFrames<Result>(make: () => Result, most = mostFrames): Result {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = Math.max(stackTraceLimit, most)
  try {
    return make()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

/**
 * Remembers the current call. An error that is made later, in a turn of the event loop without a caller, can then point
 * at the line of the test.
 */
export function callSite(): CallSite {
  const site: { stack?: string } = {}
  withManyFrames(() => Error.captureStackTrace(site, callSite))
  const all = (): string => site.stack?.slice(site.stack.indexOf('\n')) ?? ''
  const frames = (): string => withoutOwnFrames(all())
  const lead = (error: Error): void => {
    error.stack = `${error.name}: ${printed(error)}${frames()}`
  }
  const leadBack = (error: unknown): void => {
    if (isBranded(error)) lead(error)
  }
  const raised = (error: unknown): void => {
    if (!isRaisedHere(error, ownFrames(all()))) return
    lead(error)
    raised(error.cause)
  }
  return Object.assign(leadBack, { raised, place: () => placeIn(frames()) })
}

const isPlainPromise = (value: unknown): value is Promise<unknown> =>
  value instanceof Promise && Object.getPrototypeOf(value) === Promise.prototype

/** Whether the caller of the next call points its errors at the test's line itself. */
let isNextLed = false

/**
 * Calls a function that points errors at the test's line, for a caller that does so itself. The caller knows the test's
 * line; the turn of the event loop in which a matcher has been loaded does not.
 */
export function whileLed<Result>(call: () => Result): Result {
  isNextLed = true
  try {
    return call()
  } finally {
    isNextLed = false
  }
}

/**
 * Calls a function for the test. If this package raises an error in it, now or later, the stack points at the test's
 * line and not into this package. Node keeps ten frames, and they might all be ours.
 */
export function leadingBack<Result>(call: () => Result): Result {
  if (isNextLed) {
    isNextLed = false
    return call()
  }
  try {
    const result = call()
    // A promise that is watched for whether the test awaits it does this itself.
    return isPlainPromise(result) ? (ledBack(result, callSite()) as Result) : result
  } catch (error) {
    callSite().raised(error)
    throw error
  }
}

async function ledBack<Value>(promise: Promise<Value>, site: CallSite): Promise<Value> {
  try {
    return await promise
  } catch (error) {
    site.raised(error)
    throw error
  }
}

/** A call of the test. */
export interface CallSite {
  /** Points an error of this package's own classes at the call. */
  (error: unknown): void
  /** Points any error that this package raised at the call, unless it already points at another line of the test. */
  raised(error: unknown): void
  /** The line of the call, as `file.test.ts:12`. */
  place(): string | undefined
}

/** The line of the first frame in a file that is not part of an installed package. */
export function placeIn(frames: string): string | undefined {
  const places = [...frames.matchAll(/^\s+at (?:.*\()?(?:file:\/\/)?([^()\n]+?):(\d+):\d+\)?$/gm)]
  const own = places.find(([, file]) => !/^node:|\/node_modules\//.test(file!))
  return own && `${basename(own[1]!)}:${own[2]}`
}

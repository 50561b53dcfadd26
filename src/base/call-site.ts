import { basename } from 'node:path'
import { framesBelow, isBranded, printed } from './error-text.js'

/** Tells the frames of this package from others, by a stack that begins in it. */
function ownFrames(frames: string): (frame: string) => boolean {
  const root = /^\n\s+at (?:.* \()?(.*\/)(?:dist|src)\//.exec(frames)?.[1]
  // Jest maps the frames of some files to their sources, and not those of others.
  return (frame) => root !== undefined && (frame.includes(`${root}dist/`) || frame.includes(`${root}src/`))
}

/** The lines of a stack that begins in this package, less those of it: what is printed first is the line of the test. */
function withoutOwnFrames(frames: string): string {
  const isOwn = ownFrames(frames)
  const others = frames.split('\n').filter((frame) => !isOwn(frame))
  // All frames are this package's own: they are better than none.
  return others.some((frame) => frame.trim() !== '') ? others.join('\n') : frames
}

/** Node's own frames, and those of the language's functions. */
const isBuiltIn = (frame: string): boolean => /(?:at |\()node:|<anonymous>\)?$/.test(frame)

/** Whether this package raised an error. A function of the test's that it calls raises errors of its own. */
function isRaisedHere(error: unknown, isOwn: (frame: string) => boolean): error is Error {
  const frames = framesBelow(error)?.split('\n') ?? []
  const first = frames.find((frame) => frame.trim() !== '' && !isBuiltIn(frame))
  return first !== undefined && isOwn(first)
}

/** Between a matcher and the test's line stand this package's frames, and the runner's own: more than Node keeps. */
const mostFrames = 40

/** Calls a function that makes an error, so that its stack goes as far as the line of the test. */
export function withManyFrames<Result>(make: () => Result): Result {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = Math.max(stackTraceLimit, mostFrames)
  try {
    return make()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

/**
 * Remembers the call that is under way, so that an error which is made later, in a turn of the event loop that knows no
 * caller, can lead back to the line of the test.
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

/** Whether the next call is led back by whoever calls it. */
let isNextLed = false

/**
 * Calls a function that leads back, for a caller that does so too: that caller knows the line of the test, and the turn of
 * the event loop in which a matcher has been loaded does not.
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
 * Calls a function for the test. An error that this package raises in it, now or later, leads to the line of the test and
 * not into this package: Node shows ten frames, and they may all be ours.
 */
export function leadingBack<Result>(call: () => Result): Result {
  if (isNextLed) {
    isNextLed = false
    return call()
  }
  try {
    const result = call()
    // A promise that is watched for whether the test awaits it leads back by itself.
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

/** A call of the test's. */
export interface CallSite {
  /** Makes an error of this package's own classes lead to its line. */
  (error: unknown): void
  /** Makes any error that this package raised lead to its line, unless it leads to another line of the test's. */
  raised(error: unknown): void
  /** Its line, as `file.test.ts:12`. */
  place(): string | undefined
}

/** The line of a stack's first frame in a file that is not installed. */
export function placeIn(frames: string): string | undefined {
  const places = [...frames.matchAll(/^\s+at (?:.*\()?(?:file:\/\/)?([^()\n]+?):(\d+):\d+\)?$/gm)]
  const own = places.find(([, file]) => !/^node:|\/node_modules\//.test(file!))
  return own && `${basename(own[1]!)}:${own[2]}`
}

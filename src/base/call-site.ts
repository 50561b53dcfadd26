import { basename } from 'node:path'
import { isProctorError, printed } from './errors.js'

/** The lines of a stack that begins in this package, less those of it: what is printed first is the line of the test. */
function withoutOwnFrames(frames: string): string {
  const root = /^\n\s+at (?:.* \()?(.*\/)(?:dist|src)\//.exec(frames)?.[1]
  if (root === undefined) return frames
  // Jest maps the frames of some files to their sources, and not those of others.
  const isOwn = (frame: string): boolean => frame.includes(`${root}dist/`) || frame.includes(`${root}src/`)
  const others = frames.split('\n').filter((frame) => !isOwn(frame))
  // All frames are this package's own: they are better than none.
  return others.some((frame) => frame.trim() !== '') ? others.join('\n') : frames
}

/**
 * Remembers the call that is under way, so that an error which is made later, in a turn of the event loop that knows no
 * caller, can lead back to the line of the test.
 */
export function callSite(): CallSite {
  const site: { stack?: string } = {}
  const { stackTraceLimit } = Error
  // Between a matcher and the test's line stand the runner's own frames.
  Error.stackTraceLimit = Math.max(stackTraceLimit, mostFrames)
  Error.captureStackTrace(site, callSite)
  Error.stackTraceLimit = stackTraceLimit
  const frames = (): string => withoutOwnFrames(site.stack?.slice(site.stack.indexOf('\n')) ?? '')
  const leadBack = (error: unknown): void => {
    if (isProctorError(error)) error.stack = `${error.name}: ${printed(error)}${frames()}`
  }
  return Object.assign(leadBack, { place: () => placeIn(frames()) })
}

const mostFrames = 40

/** A call of the test's. */
export interface CallSite {
  /** Makes an error lead to its line. */
  (error: unknown): void
  /** Its line, as `file.test.ts:12`. */
  place(): string | undefined
}

/** The line of a stack's first frame in a file that is not installed. */
export function placeIn(frames: string): string | undefined {
  const places = [...frames.matchAll(/^\s+at (?:.*\()?(?:file:\/\/)?([^()\n]+?):(\d+):\d+\)?$/gm)]
  const own = places.find(([, file]) => !/^node:|\/node_modules\//.test(file!))
  return own && `${basename(own[1]!)}:${own[2]}`
}

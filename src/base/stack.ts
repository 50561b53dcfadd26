import { fileURLToPath } from 'node:url'

// Parses stacks as V8 writes them, and as the runners' source maps have rewritten them.

/** A frame of a stack that is in a file. */
export interface Frame {
  /** An absolute path, or whatever the stack has instead. */
  readonly file: string
  readonly line: number
  readonly column: number
  /** The whole line of the stack. */
  readonly text: string
}

/** The folder of this package's build or sources. */
const own = fileURLToPath(new URL('..', import.meta.url))
const isOwn = (file: string): boolean =>
  file.startsWith('node:') || file.startsWith(`${own}dist/`) || file.startsWith(`${own}src/`)

/** Whether a file belongs to an installed package. */
const isInstalled = (file: string): boolean => file.includes('/node_modules/')

const toPath = (file: string): string => {
  try {
    return file.startsWith('file:') ? fileURLToPath(file) : file
  } catch {
    return file
  }
}

/** The frames in files, without those of Node and of this package, the innermost first. */
export function framesOf(stack: string | undefined): Frame[] {
  return (stack ?? '').split('\n').flatMap((text) => {
    const match = /^\s+at (?:.*\()?((?:file:\/\/)?[^()]+?):(\d+):(\d+)\)?$/.exec(text)
    if (match === null) return []
    const file = toPath(match[1]!.replace(/^async /, ''))
    return isOwn(file) ? [] : [{ text, file, line: Number(match[2]), column: Number(match[3]) }]
  })
}

/** The index of the user's first own frame, or 0 if all are of installed packages. */
export const firstOfUser = (frames: readonly Frame[]): number =>
  Math.max(
    0,
    frames.findIndex(({ file }) => !isInstalled(file)),
  )

/** The frame to show to a person: the innermost of the user's own, otherwise of any package. */
export const userFrame = (stack: string | undefined): Frame | undefined => {
  const frames = framesOf(stack)
  return frames[firstOfUser(frames)]
}

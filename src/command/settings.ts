import type { Containment } from '../containment/containment.js'
import type { Tree } from '../containment/tree.js'
import type { CommandListener } from './listener.js'

/** What a command is started with. */
export interface CommandSettings {
  /** The whole command line as a shell would show it, for reports. */
  readonly command: string
  /** The command and its arguments. With `shell`, the words of the line. */
  readonly words: readonly string[]
  readonly cwd: string
  /** Whether the cwd is the workspace itself. */
  readonly isInWorkspace: boolean
  /** Bytes kept of each stream. */
  readonly maxOutput: number
  /** ms, the default of `terminate`. */
  readonly grace: number
  /** Returns the default timeout (ms) of a wait that begins now. */
  readonly waitTimeout: () => number
  /** ms after which the tree is killed. */
  readonly timeout: number | undefined
  readonly input: string | Uint8Array | undefined
  /** Whether to measure what its processes use. */
  readonly usage: boolean
  /** The folder it writes its coverage to, if it writes any. */
  readonly coverage: string | undefined
  readonly containment: Containment
  /** Makes a path relative to the cwd absolute. Refuses to leave the workspace. */
  readonly resolve: (path: string) => string
  /** Points the stack of an error at the test's line that started the command. */
  readonly leadBack: (error: unknown) => void
  /** Called once the whole tree is proven dead. */
  readonly onTreeDead: (tree: Tree) => void
  readonly listener?: CommandListener | undefined
}

/** What to start. */
export interface SpawnRequest {
  readonly command: string
  readonly args: readonly string[]
  /** The command line as a shell would show it, for errors. */
  readonly display: string
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  readonly shell: boolean | string
  /** Whether it gets its own parent, which can be ended alone: see `throw-away.ts`. */
  readonly hasOwnParent?: boolean
  /** The second mark, if it can be set: see `startMarked`. */
  readonly locks?: bigint | undefined
}

/** What is executed. A shell gets the words of the command line, joined by spaces. */
export function programOf({ command, args, shell }: SpawnRequest): { file: string; args: string[] } {
  if (shell === false || shell === '') return { file: command, args: [...args] }
  return { file: shell === true ? '/bin/sh' : shell, args: ['-c', [command, ...args].join(' ')] }
}

/** What is to be started. */
export interface SpawnRequest {
  readonly command: string
  readonly args: readonly string[]
  /** As a shell would show it, for errors. */
  readonly display: string
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  readonly shell: boolean | string
  /** Whether it gets a parent of its own, which can be ended alone: see `throw-away.ts`. */
  readonly hasOwnParent?: boolean
  /** The second mark, where it can be set: see `startMarked`. */
  readonly locks?: bigint | undefined
}

/** What is run: a shell gets the words of the command line with a space between them. */
export function programOf({ command, args, shell }: SpawnRequest): { file: string; args: string[] } {
  if (shell === false || shell === '') return { file: command, args: [...args] }
  return { file: shell === true ? '/bin/sh' : shell, args: ['-c', [command, ...args].join(' ')] }
}

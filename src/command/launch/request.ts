export interface SpawnRequest {
  readonly command: string
  readonly args: readonly string[]
  /** As a shell would show it, for errors. */
  readonly display: string
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  readonly shell: boolean | string
  /** The second mark, where it can be set: see `startMarked`. */
  readonly locks?: bigint | undefined
}

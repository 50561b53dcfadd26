import psList from 'ps-list'

/** One process as ps-list tells it: command line, owner, start. */
export interface ListedProcess {
  readonly command: string
  readonly owner: number | undefined
}

/** The command lines and owners of every process, by number. */
export async function listProcesses(): Promise<Map<number, ListedProcess>> {
  const listed = await psList({ all: true })
  return new Map(listed.map(({ pid, cmd, name, uid }) => [pid, { command: cmd || name, owner: uid }]))
}

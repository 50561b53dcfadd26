import psList from 'ps-list'

/** A process as ps-list shows it: command line, owner, start. */
export interface ListedProcess {
  readonly command: string
  readonly owner: number | undefined
}

/** The command line and owner of every process, by pid. */
export async function listProcesses(): Promise<Map<number, ListedProcess>> {
  const listed = await psList({ all: true })
  return new Map(listed.map(({ pid, cmd, name, uid }) => [pid, { command: cmd || name, owner: uid }]))
}

import { pidtree } from 'pidtree'

/** The parent of every process on the machine. */
export async function listParents(): Promise<Map<number, number>> {
  const links = await pidtree(-1, { advanced: true })
  return new Map(links.map(({ pid, ppid }) => [pid, ppid]))
}

import { readdir, realpath } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isAbandoned, removeFolder } from './workspace.js'

/** The workspaces in the temporary folder whose owner is gone: same boot, pid namespace and user as here. */
export async function findAbandonedWorkspaces(): Promise<string[]> {
  const folder = await realpath(tmpdir())
  return (await readdir(folder)).filter(isAbandoned).map((name) => join(folder, name))
}

/** Removes them. Returns those that are gone. */
export async function removeAbandonedWorkspaces(): Promise<string[]> {
  const removed: string[] = []
  for (const path of await findAbandonedWorkspaces()) {
    try {
      await removeFolder(path)
      removed.push(path)
    } catch {
      // Somebody still writes there, or it is another's by now: the next sweep looks again.
    }
  }
  return removed
}

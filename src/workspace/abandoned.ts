import { readdir, realpath } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeFolder } from './removal.js'
import { isAbandoned } from './workspace.js'

/** The workspaces in the temporary folder whose owner is gone: same boot, pid namespace and user as here. */
export async function findAbandonedWorkspaces(): Promise<string[]> {
  const folder = await realpath(tmpdir())
  return (await readdir(folder)).filter(isAbandoned).map((name) => join(folder, name))
}

/** Removes them. Returns those that are gone. */
export async function removeAbandonedWorkspaces(): Promise<string[]> {
  const removed: string[] = []
  for (const path of await findAbandonedWorkspaces()) {
    if ((await removeFolder(path)).length === 0) removed.push(path)
  }
  return removed
}

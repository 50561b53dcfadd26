import { tmpdir } from 'node:os'

// The sole importer of tmp-promise, loaded with the first workspace: tmp adds an exit listener when it is imported.

/** Makes a new folder in the system's temporary folder, readable by this user alone. Returns its path. */
export async function makeTemporaryFolder(name: string): Promise<string> {
  const { dir } = (await import('tmp-promise')).default
  const { path } = await dir({ tmpdir: tmpdir(), name, mode: 0o700, keep: true })
  return path
}

import { tmpdir } from 'node:os'

// The sole importer of tmp-promise, loaded with the first workspace: tmp adds an exit listener when it is imported.

export interface TemporaryFolder {
  readonly path: string
}

/** Makes a new folder in the system's temporary folder, readable by this user alone. */
export async function makeTemporaryFolder(prefix: string): Promise<TemporaryFolder> {
  const { dir } = (await import('tmp-promise')).default
  const { path } = await dir({ tmpdir: tmpdir(), template: `${prefix}-XXXXXX`, mode: 0o700, keep: true })
  return { path }
}

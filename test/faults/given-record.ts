import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { thisPlace } from '../../src/containment/owner.js'
import { dist } from '../inner-run.js'

/** The folder of this user in a temporary one. */
export const own = (folder: string): string => join(folder, `proctor-${process.geteuid!()}`)

/** A record of a worker that has died. Returns the workspace that is its own. */
export function givenRecord(folder: string, name: string): { record: string; workspace: string } {
  mkdirSync(own(folder), { mode: 0o700, recursive: true })
  const [record, workspace] = [join(own(folder), `${name}.record`), join(folder, `proctor-${name}000`)]
  const owner = { ...thisPlace(), pid: 4_194_304, startTime: 1 }
  writeFileSync(record, `${JSON.stringify({ id: name, owner, run: '0', mark: 'abcdef' })}\n`, { mode: 0o600 })
  mkdirSync(workspace)
  return { record, workspace }
}

export const sweep = (folder: string, from = dist): unknown =>
  spawnSync(process.execPath, [join(from, 'cli.cjs'), 'sweep'], { env: { ...process.env, TMPDIR: folder } })

import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { thisPlace } from '../../src/containment/owner.js'
import { dist } from '../inner-run.js'
import { makeFolder, removeFolder } from '../machine.js'

/** A temporary folder like /tmp: writable for everybody, and sticky. */
export function givenShared(): string {
  const folder = makeFolder()
  chmodSync(folder, 0o1777)
  onTestFinished(() => removeFolder(folder))
  return folder
}

/** Runs a script of the built package. */
export function run(
  folder: string,
  script: string,
  env: NodeJS.ProcessEnv = {},
  wrapper: readonly string[] = [],
): string {
  const text = `const { createProctor, freePort } = await import(${JSON.stringify(`${dist}/index.js`)})\n${script}`
  const command = [...wrapper, process.execPath, '--input-type=module', '-e', text]
  const { stdout, stderr } = spawnSync(command[0]!, command.slice(1), {
    encoding: 'utf8',
    cwd: '/',
    env: { PATH: process.env['PATH'], TMPDIR: folder, ...env },
  })
  return stdout + stderr
}

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

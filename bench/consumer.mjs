// A project in a temporary folder with the package installed, for measurements inside a runner.
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Makes the project. Returns its folder. */
export function makeConsumer() {
  const folder = mkdtempSync(join(tmpdir(), 'proctors-bench-'))
  // The package is copied, because Vite transforms files that a link reaches outside of node_modules.
  const installed = join(folder, 'node_modules/proctor')
  mkdirSync(installed, { recursive: true })
  for (const name of ['dist', 'package.json']) cpSync(join(root, name), join(installed, name), { recursive: true })
  for (const name of ['vitest', '@koromix'])
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  return folder
}

/** Runs Vitest in the project. */
export async function runVitest(folder, args, more = {}) {
  const { NODE_OPTIONS: _, ...env } = process.env
  const all = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...args]
  await promisify(execFile)(process.execPath, all, { cwd: folder, env: { ...env, ...more } })
}

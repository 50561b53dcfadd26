// What all cells of the matrix need: folders, a way to run programs to their end, and a look at what they leave.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
export const work = mkdtempSync(join(tmpdir(), 'proctors-matrix-'))
process.once('exit', () => rmSync(work, { recursive: true, force: true }))
export const cache = join(root, 'node_modules/.cache/proctor-matrix')

/** Runs a program to its end. The program leads its own group, so that one that hangs can be ended as a whole. */
export function run(command, args, { cwd, env = {}, limit = 180_000, onStart = () => {} }) {
  return new Promise((resolve) => {
    const own = Object.entries(process.env).filter(
      ([name]) => !/^(?:npm_|VITEST|JEST|NODE_OPTIONS|NODE_ENV|CI$|FORCE_COLOR|GITHUB_ACTIONS)/i.test(name),
    )
    const child = spawn(command, args, {
      cwd,
      env: { ...Object.fromEntries(own), NO_COLOR: '1', ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
    const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), limit)
    child.once('error', (error) => resolve({ code: null, output: `${error.message}\n${output}` }))
    child.once('close', (code) => {
      clearTimeout(timer)
      resolve({ code, output })
    })
    onStart(child)
  })
}

export async function must(command, args, options) {
  const { code, output } = await run(command, args, options)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output.slice(-3000)}`)
  return output
}

/** Takes what npm's cache has as it is: npm takes most of the time of a project. */
export const install = (folder, ...packages) =>
  must('npm', ['install', '--loglevel=error', '--no-audit', '--no-fund', '--prefer-offline', ...packages], {
    cwd: folder,
  })

/** A folder of the cache that contains one package. */
export async function cached(name, spec, file) {
  const folder = join(cache, name)
  const path = join(folder, 'node_modules', file)
  if (existsSync(path)) return path
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  await install(folder, '--ignore-scripts', spec)
  return path
}

/** The workspaces of tests. The folder of records, named after the user, stays. */
export const workspacesIn = (folder) => readdirSync(folder).filter((name) => /^proctor-(?!\d+$)/.test(name))

/** The processes with this text in their command line, without zombies. */
export const alive = (text) =>
  existsSync('/proc/self')
    ? readdirSync('/proc').filter((pid) => {
        try {
          return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(text)
        } catch {
          return false // Gone meanwhile.
        }
      })
    : []

export async function until(look, limit) {
  for (const end = Date.now() + limit; Date.now() < end; await sleep(20)) if (look()) return true
  return look()
}

let count = 0
export const uniqueNumber = () => `${1_000_000_000 + Math.floor(Math.random() * 900_000_000) + (count += 1)}`

function endGroup(child) {
  if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGKILL')
}

/**
 * Runs a suite that hangs, kills the process whose number the suite writes to a file, and checks that nothing is left.
 */
export async function killWorker({ command: [file, args], folder, env, temporary, left }) {
  const ready = join(temporary, 'ready')
  let child
  const ended = run(file, args, {
    cwd: folder,
    env: { ...env, MATRIX_READY: ready },
    onStart: (started) => (child = started),
  })
  const isReady = () => existsSync(ready) && readFileSync(ready, 'utf8').endsWith('\n')
  if (!(await Promise.race([until(isReady, 60_000), ended.then(() => false)]))) {
    endGroup(child)
    return [`the suite whose worker is to be killed did not start:\n${(await ended).output.slice(-2000)}`]
  }
  // A process that a shell has forked shows its own command line only after its exec.
  const isUp = await until(() => left().length >= 3, 10_000)
  const wrong = isUp ? [] : ['the tree of the killed worker was not up']
  process.kill(Number(readFileSync(ready, 'utf8')), 'SIGKILL')
  if (!(await until(() => left().length === 0, 15_000))) wrong.push(`left by a killed worker: ${left().join(', ')}`)
  endGroup(child)
  await ended
  return wrong
}

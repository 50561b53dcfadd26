// What all cells of the matrix need: folders, a way to run programs to their end, and a look at what they leave.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
export const work = mkdtempSync(join(tmpdir(), 'proctors-matrix-'))
/** These are tens of thousands of files. Nobody waits until they are gone. */
process.once('exit', () => spawn('rm', ['-rf', work], { detached: true, stdio: 'ignore' }).unref())
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
const npmInstall = (folder, ...packages) =>
  must('npm', ['install', '--loglevel=error', '--no-audit', '--no-fund', '--prefer-offline', ...packages], {
    cwd: folder,
  })

/** The folders in which packages were installed, or are being installed, by their packages. */
const installed = new Map()

async function installOnce(packages) {
  const folder = mkdtempSync(join(work, 'installed-'))
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  await npmInstall(folder, ...packages)
  return folder
}

/** On macOS, `-c` clones the files. Elsewhere `-l` makes hard links. */
const copyTree = process.platform === 'darwin' ? '-Rc' : '-al'

/** Installs packages into a project. npm installs the same packages only once, and each project gets its own folders. */
export async function install(folder, packages) {
  const key = packages.join(' ')
  if (!installed.has(key)) installed.set(key, installOnce(packages))
  const source = await installed.get(key)
  await must('cp', [copyTree, join(source, 'node_modules'), folder], { cwd: folder })
  const { dependencies } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'))
  const file = join(folder, 'package.json')
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), dependencies }))
}

/** The packages of the cache that are there, or are being installed. Two projects may ask for one at the same time. */
const inCache = new Map()

/** A file of a package in the cache, whose folder contains that package alone. */
export function cached(name, spec, file) {
  if (!inCache.has(name)) inCache.set(name, fillCache(name, spec, file))
  return inCache.get(name)
}

async function fillCache(name, spec, file) {
  const folder = join(cache, name)
  const path = join(folder, 'node_modules', file)
  if (existsSync(path)) return path
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  await npmInstall(folder, '--ignore-scripts', spec)
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
 * Runs a suite that hangs, kills its runner or the worker whose number the suite writes to a file, and checks that nothing
 * is left.
 */
export async function killWorker({ command: [file, args], folder, env, temporary, left, victim = 'worker' }) {
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
  const wrong = isUp ? [] : [`the tree of the killed ${victim} was not up`]
  process.kill(victim === 'runner' ? child.pid : Number(readFileSync(ready, 'utf8')), 'SIGKILL')
  if (!(await until(() => left().length === 0, 15_000))) wrong.push(`left by a killed ${victim}: ${left().join(', ')}`)
  endGroup(child)
  await ended
  return wrong
}

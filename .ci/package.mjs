// `npm run package` packs the package twice, each time from a build of its own, and requires the same bytes. Then it
// checks the size of the tarball, and runs publint and attw on it.
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The size of the tarball in bytes, which is what a project downloads. */
const mostBytes = 400_000

const folder = mkdtempSync(join(tmpdir(), 'package-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const fail = (message) => {
  process.stderr.write(`package: ${message}\n`)
  process.exit(1)
}

/** Packs the package, which `prepack` builds. */
function pack(name) {
  const destination = join(folder, name)
  mkdirSync(destination)
  const stdio = ['ignore', 'pipe', 'inherit']
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', destination], {
    encoding: 'utf8',
    stdio,
  })
  const path = join(destination, packed.trim().split('\n').at(-1))
  return { path, bytes: readFileSync(path) }
}

const hash = (bytes) => createHash('sha256').update(bytes).digest('hex')
const lists = (path) => execFileSync('tar', ['-tvzf', path], { encoding: 'utf8' }).split('\n')

const first = pack('first')
const second = pack('second')
if (hash(first.bytes) !== hash(second.bytes)) {
  const before = new Set(lists(first.path))
  const other = lists(second.path).filter((line) => !before.has(line))
  fail(
    `two builds differ${other.length > 0 ? `, in\n${other.join('\n')}` : ', in the contents of files of the same size'}`,
  )
}
const size = `${(first.bytes.length / 1000).toFixed(1)} kB packed`
if (first.bytes.length > mostBytes) fail(`${size}; at most ${mostBytes / 1000} kB are accepted`)
process.stdout.write(`${size}, twice the same: sha256 ${hash(first.bytes)}\n`)

const attw = ['--profile', 'node16', '--ignore-rules', 'cjs-resolves-to-esm']
const stubbed = ['vitest', 'vitest/guard']
for (const [tool, ...args] of [
  ['publint', '--strict', first.path],
  ['attw', first.path, ...attw, '--exclude-entrypoints', ...stubbed],
  // `require` gets an error that says what to do, and no types for it: TypeScript's own message is better than none.
  ['attw', first.path, ...attw, 'false-esm', '--entrypoints', ...stubbed],
]) {
  const { status } = spawnSync(tool, args, { stdio: 'inherit' })
  if (status !== 0) fail(`${tool} ended with ${status}`)
}

import { lstatSync, type Stats } from 'node:fs'
import { open, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { normalise, type SnapshotOptions } from '../snapshot/normalise.js'

// A folder as one text: its entries, their modes, the targets of links, and the contents of text files.

/** The size (bytes) up to which the contents of a text file are shown. */
const mostText = 16 * 1024

/** The text of a file that a person can read: valid UTF-8 without a NUL byte. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return text.includes('\0') ? undefined : text
  } catch {
    return undefined
  }
}

/**
 * The mode, if it is unusual. The rights that the machine's umask takes from group and others are added back, unless
 * neither has any right left, which must be on purpose.
 */
function describeMode({ mode }: Stats, usual: number): string {
  const owner = (mode >> 6) & 7
  const isPrivate = (mode & 0o77) === 0
  const shown = isPrivate ? mode & 0o700 : (owner << 6) | ((owner & 5) << 3) | (owner & 5)
  return shown === usual ? '' : `  (mode ${shown.toString(8)})`
}

async function readStart(path: string): Promise<Uint8Array> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(mostText), 0, mostText, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

async function linesOfFile(path: string, name: string, stats: Stats): Promise<string[]> {
  const mode = describeMode(stats, 0o644)
  if (stats.size === 0) return [`${name}${mode}  (empty)`]
  const text = stats.size > mostText ? undefined : textOf(await readStart(path))
  if (text === undefined) return [`${name}${mode}  (${stats.size} bytes)`]
  const lines = text.replace(/\n$/, '').split('\n')
  return [`${name}${mode}`, ...lines.map((line) => `│ ${line}`.trimEnd())]
}

async function linesOf(path: string, name: string): Promise<string[]> {
  const stats = lstatSync(path)
  if (stats.isSymbolicLink()) return [`${name} -> ${await readlink(path)}`]
  if (stats.isDirectory()) return linesOfFolder(path, name, stats)
  if (stats.isFile()) return linesOfFile(path, name, stats)
  return [`${name}  (${stats.isFIFO() ? 'FIFO' : stats.isSocket() ? 'socket' : 'device'})`]
}

async function linesOfFolder(path: string, name: string, stats: Stats): Promise<string[]> {
  const names = (await readdir(path)).toSorted()
  const mode = describeMode(stats, 0o755)
  const own = name === '' || (names.length > 0 && mode === '') ? [] : [`${name}/${mode}`]
  const below: string[] = []
  for (const each of names) below.push(...(await linesOf(join(path, each), name === '' ? each : `${name}/${each}`)))
  return [...own, ...below]
}

/** The contents of a folder, fit for a snapshot. */
export async function snapshotOfFolder(path: string, options?: SnapshotOptions): Promise<string> {
  // The mode of the workspace itself is set by this package, not by the program.
  const lines = await linesOfFolder(path, '', lstatSync(path))
  return normalise(lines.join('\n'), options)
}

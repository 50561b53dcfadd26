import { flag, type Rules } from '../base/check.js'
import { isSharedMark } from '../containment/threads/shared-mark.js'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { withoutEscapes } from '../base/escape-sequences.js'
import type { Tree } from '../containment/tree.js'

// Replaces what differs from run to run by words. Known numbers are recognised by what was started and who listened,
// others by the words before them.

/** What is replaced. Each is on unless it is `false`. */
export interface SnapshotOptions {
  /** Remove the escape sequences of a terminal. */
  readonly ansi?: boolean
  /** `<workspace>` */
  readonly workspace?: boolean
  /** `<duration>`: 12 ms, 1.5s, 3 minutes. */
  readonly durations?: boolean
  /** `<port>` */
  readonly ports?: boolean
  /** `<pid>` */
  readonly pids?: boolean
}

export const snapshotRules: Rules<SnapshotOptions> = {
  ansi: flag,
  workspace: flag,
  durations: flag,
  ports: flag,
  pids: flag,
}

/** The commands of the tests that run now, and the ports that were seen in this worker. */
const trees = new Set<Tree>()
const ports = new Set<number>()

/** From here on the numbers of its processes are known … */
export const knowTree = (tree: Tree): unknown => trees.add(tree)
/** … to here. */
export const forgetTree = (tree: Tree): unknown => trees.delete(tree)
export const knowPort = (port: number): unknown => ports.add(port)

/** A smaller number is more likely to be a count than a pid. */
const leastPid = 100

const isKnownPid = (number: number): boolean =>
  number >= leastPid &&
  (number === process.pid || [...trees].some(({ identity, known }) => identity.pid === number || known.has(number)))

/** A number that stands alone, not in a word, a name with hyphens, a version or a decimal. */
const number = /(?<![\w.]|\w-)\d+(?!\w|\.\d|-\w)/g
const afterHost = /(?<=(?:\blocalhost|\b\d{1,3}(?:\.\d{1,3}){3}|\[[\da-f:.]+\]|\*):)\d{1,5}\b/gi
const afterPort = /(?<=\bports?\b[ \t]*[:=#]?[ \t]*)\d{1,5}\b/gi
const afterPid = /(?<=\bp[pg]?ids?\b[ \t]*[:=#]?[ \t]*)\d+\b/gi
const duration =
  /(?<![\w.])(?:\d+ ?(?:h|m|min) ?)?\d+(?:[.,]\d+)? ?(?:ns|[uµμ]s|ms|s|secs?|seconds?|milliseconds?|mins?|minutes?)\b/g
/**
 * Any workspace, even of another fixture, by whatever name its folder is reached. A name of eight letters may be
 * anybody's folder. In ours the last three characters are a number, beginning with 000.
 */
const workspaceName = String.raw`(?:kept-)?proctor-(?=[a-z]+\d)[a-z][\da-z]{7}(?![\w-])`
const workspacePath = new RegExp(String.raw`(?:/[^\s/'"\`:;,()<>|]+)*/${workspaceName}`, 'g')

/** A variable of ours with its value, as `env`, `export -p`, JSON and Node print it. */
const ownVariable =
  /["']?\bPROCTOR_(?:(?:MARK|OUTSIDE|GUARD)_\w+|RUN|GUARD|LAUNCH|PROCESS_TABLE)\b["']?\s*[=:]\s*(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,}]*)/
/** A line of nothing else, and one of several in a line. */
const ownLine = new RegExp(
  String.raw`^[ \t]*(?:declare -x |export |setenv )?${ownVariable.source},?[ \t]*(?:\r?\n|$)`,
  'gm',
)
/** The last ones of an object take the comma before them along. */
const ownLast = new RegExp(String.raw`(?:,\s*${ownVariable.source})+(?=\s*\})`, 'g')
const ownEntry = new RegExp(String.raw`,\s*${ownVariable.source}|${ownVariable.source},?[ \t]*`, 'g')

const withoutOwnVariables = (text: string): string =>
  text.includes('PROCTOR_') ? text.replaceAll(ownLast, '').replaceAll(ownLine, '').replaceAll(ownEntry, '') : text

/** Digits of the mark that is a limit, less those of the word in its place: columns behind it stay where they are. */
const limitPadding = ' '.repeat(10)

/** The limit that marks a command, as `ulimit -a` and /proc/self/limits show it, is what it is without the mark. */
function withoutOwnLimits(text: string): string {
  const own = new Set([...trees].flatMap(({ locks }) => locks ?? []))
  return text.replaceAll(/\b(\d{17,19})\b( {2,})?/g, (all, digits: string, blanks?: string) => {
    // A program in a worker thread has the mark that all threads share until it is given its own.
    if (!own.has(BigInt(digits)) && !isSharedMark(BigInt(digits))) return all
    return blanks === undefined ? 'unlimited' : `unlimited${limitPadding}${blanks}`
  })
}

/** Turns what differs from run to run into words. What it gives it leaves as it is. */
export function normalise(text: string, options: SnapshotOptions = {}): string {
  const { ansi = true, workspace = true, durations = true, ports: withPorts = true, pids = true } = options
  let result = withoutOwnLimits(withoutOwnVariables(ansi ? withoutEscapes(text) : text))
  if (workspace) {
    for (const { workspace: path } of trees) {
      // Under its real path, and under the path by TMPDIR.
      for (const name of [path, join(tmpdir(), basename(path))]) result = result.replaceAll(name, '<workspace>')
    }
    result = result.replaceAll(workspacePath, '<workspace>')
  }
  if (durations) result = result.replaceAll(duration, '<duration>')
  if (withPorts) {
    result = result.replaceAll(afterHost, '<port>').replaceAll(afterPort, '<port>')
    result = result.replaceAll(number, (digits) => (ports.has(Number(digits)) ? '<port>' : digits))
  }
  if (pids) {
    result = result.replaceAll(afterPid, '<pid>')
    result = result.replaceAll(number, (digits) => (isKnownPid(Number(digits)) ? '<pid>' : digits))
  }
  return result
}

/** The facts about a command in a snapshot. */
export interface Snapshotted {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number | null
  readonly exitSignal: NodeJS.Signals | null
}

/**
 * The output and end of a command as text. The two streams are kept apart, because the order of the reads differs from
 * run to run. An exit with 0 is not mentioned.
 */
export function snapshotOf({ stdout, stderr, exitCode, exitSignal }: Snapshotted, options?: SnapshotOptions): string {
  const parts = [stdout.trimEnd()]
  if (stderr.trim() !== '') parts.push(`[stderr]\n${stderr.trimEnd()}`)
  if (exitSignal !== null) parts.push(`[${exitSignal}]`)
  else if (exitCode !== null && exitCode !== 0) parts.push(`[exit code ${exitCode}]`)
  return normalise(parts.filter((part) => part !== '').join('\n'), options)
}

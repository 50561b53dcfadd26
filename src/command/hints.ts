import { existsSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { withoutEscapes } from '../base/escape-sequences.js'

// Hints at what a person may have overlooked, each in one line. Pure, except that they look whether a file exists.

/** What was started, and where. */
export interface Started {
  /** The command and its arguments. */
  readonly words: readonly string[]
  readonly cwd: string
  /** Whether the cwd is the workspace itself. */
  readonly isInWorkspace: boolean
}

/** How many words of a command line are checked. */
const mostWords = 50

const looksLikePath = (word: string): boolean =>
  !word.startsWith('-') &&
  !word.includes('://') &&
  !word.includes('\n') &&
  /[/\\]|\.\w+$/.test(word) &&
  !isAbsolute(word)

const withSlashes = (word: string): string => word.replaceAll('\\', '/')

const noBackslashes = 'a path has slashes here, no backslashes'

/** The hint for an argument that names an existing file, but with backslashes. */
export function backslashHint({ words, cwd }: Started): string | undefined {
  const isMissed = (word: string): boolean =>
    word.includes('\\') &&
    looksLikePath(word) &&
    !existsSync(resolve(cwd, word)) &&
    existsSync(resolve(cwd, withSlashes(word)))
  const word = words.slice(1, mostWords).find(isMissed)
  return word === undefined ? undefined : `hint: there is a file ${withSlashes(word)}: ${noBackslashes}`
}

/**
 * The hint for a path that is relative to the project, while the command runs in its workspace.
 *
 * @param project the current folder of the tests.
 */
export function projectPathHint({ words, cwd, isInWorkspace }: Started, project: string): string | undefined {
  if (project === cwd) return undefined
  const isMissed = (word: string): boolean =>
    looksLikePath(word) &&
    ![word, withSlashes(word)].some((path) => existsSync(resolve(cwd, path))) &&
    existsSync(resolve(project, withSlashes(word)))
  const index = words.slice(0, mostWords).findIndex(isMissed)
  if (index === -1) return undefined
  const word = withSlashes(words[index]!)
  const call =
    index === 0
      ? `run(resolve('${word}'))`
      : `run('${words[0]}', [${index === 1 ? '' : '…, '}resolve('${word}')${index === words.length - 1 ? '' : ', …'}])`
  const where = isInWorkspace ? 'the workspace, where the command runs' : `${cwd}, where the command runs`
  return `hint: ${word} is in ${project}, and not in ${where}. Write ${call}, with resolve from node:path`
}

/** The hint for a program that may be waiting for more input, because its standard input was never closed. */
export const openInputHint =
  "hint: its standard input is open, and nothing was written to it. A program that reads it waits: run(…, { input: '' }) or endInput() closes it"

/** The same for a program that was given some input already. */
export const endlessInputHint =
  'hint: its standard input is still open. A program that reads it to the end waits: endInput() closes it'

/** How many characters of a line a hint shows. */
const mostShown = 120
/** How many lines are compared: the last ones. */
const mostLines = 2000

const clipped = (line: string): string =>
  JSON.stringify(line.length <= mostShown ? line : `${line.slice(0, mostShown - 1)}…`)

const inOneCase = (text: string): string => text.toLowerCase()
const withoutBlanks = (text: string): string => text.replaceAll(/\s+/g, '')

const pairsOf = (text: string): Set<string> => {
  const small = withoutBlanks(inOneCase(text))
  return new Set(Array.from({ length: Math.max(0, small.length - 1) }, (_, at) => small.slice(at, at + 2)))
}

/** How similar a line is to a text, from 0 to 1: the share of the text's pairs of characters that the line has. */
function share(wanted: ReadonlySet<string>, line: string): number {
  if (wanted.size === 0) return 0
  const pairs = pairsOf(line)
  return [...wanted].filter((pair) => pairs.has(pair)).length / wanted.size
}

/** A line that is less similar than this is about something else. */
const leastShare = 0.6

function nearestToText(wanted: string, lines: readonly string[]): string | undefined {
  const inCase = lines.findLast((line) => inOneCase(line).includes(inOneCase(wanted)))
  if (inCase !== undefined) return `${clipped(inCase)}: upper and lower case differ`
  const small = withoutBlanks(inOneCase(wanted))
  const inBlanks = small === '' ? undefined : lines.findLast((line) => withoutBlanks(inOneCase(line)).includes(small))
  if (inBlanks !== undefined) return `${clipped(inBlanks)}: the blanks differ`
  const pairs = pairsOf(wanted)
  const [best] = lines
    .map((line) => ({ line, share: share(pairs, line) }))
    .filter((each) => each.share >= leastShare)
    .toSorted((a, b) => b.share - a.share)
  return best && clipped(best.line)
}

function nearestToExpression({ source, flags }: RegExp, lines: readonly string[]): string | undefined {
  if (flags.includes('i')) return undefined
  const expression = new RegExp(source, `${flags.replaceAll(/[gy]/g, '')}i`)
  const inCase = lines.findLast((line) => expression.test(line))
  return inCase && `${clipped(inCase)}: upper and lower case differ`
}

/** The hint with the line of the output that is nearest to what a wait looked for. */
export function nearestHint(pattern: string | RegExp, output: string): string | undefined {
  const lines = withoutEscapes(output)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .slice(-mostLines)
  const nearest = typeof pattern === 'string' ? nearestToText(pattern, lines) : nearestToExpression(pattern, lines)
  return nearest && `the nearest line is ${nearest}`
}

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`\'`)}'`

/** The hint for a command that could not be started: what to write instead. */
export function startHint(words: readonly string[], code: string | undefined): string | undefined {
  const [command = ''] = words
  const [name, ...args] = command.trim().split(/\s+/)
  if (/\.(?:exe|cmd|bat|com|ps1)$/i.test(name!)) {
    return `hint: ${name} is a name of Windows', and this is no Windows: run(${quoted(name!.replace(/\.\w+$/, ''))})`
  }
  if (/^[a-z]:\\|\\/i.test(command)) return `hint: ${noBackslashes}`
  if (args.length > 0 && words.length === 1 && !/['"|&;<>$`*?(){}]/.test(command)) {
    return `hint: write run(${quoted(name!)}, [${args.map(quoted).join(', ')}])`
  }
  const isFile = command.includes('/') || command.endsWith('.js')
  return code === 'EACCES' && isFile
    ? "hint: a file of the workspace that is to be run is written with executable('#!/bin/sh\\n…'), from 'proctor'"
    : undefined
}

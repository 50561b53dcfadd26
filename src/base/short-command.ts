import { escapeControls } from './escape.js'

// A command line in one row of a report. What it is read by stays: the program's name, its first arguments, and where
// it differs from the row beside it. What goes first are folders.

/** Characters of a command line in a row. */
export const mostWidth = 60
/** What stands behind so many characters is in no row. */
const mostRead = 4000
/** A program's name is shown whole up to so many. */
const longestName = 100
/** A word that is cut keeps at least so many characters. */
const leastOfWord = 8

/** A word of a shell's command line: blanks in quotes are no end of it. */
const word = /(?:'[^']*'|[^' ])+/g

/** Folders before the last `kept` parts of a path, wherever in a word it begins: after `--config=`, or in quotes. */
const lessFolders = (text: string, kept: number): string =>
  text.replaceAll(/(?<![\w.:/…-])(?:<workspace>|[\w@%+.~-]*)(?:\/[^/\s'",:=]+)+/g, (path) => {
    const parts = path.split('/')
    const short = `…/${parts.slice(-kept).join('/')}`
    return parts.length > kept + 1 && short.length < path.length ? short : path
  })

const wordsOf = (command: string): string[] => command.match(word) ?? [command]

/** A text of a program, in one word of the command line: nothing in it is an argument. */
const isScript = (text: string): boolean => / /.test(text) && /[;&|<>$(){}]/.test(text)

/** Its folders cut as far as is needed: in all words a little, then word by word. */
function cutFolders(command: string, width: number): string {
  const gentle = wordsOf(command).map((each) => (isScript(each) ? each : lessFolders(each, 2)))
  for (let index = 0; index < gentle.length && gentle.join(' ').length > width; index += 1) {
    if (!isScript(gentle[index]!)) gentle[index] = lessFolders(gentle[index]!.replaceAll('…/', '/'), 1)
  }
  return gentle.join(' ')
}

/** Its name, and as many of the words behind it as there is room for. */
function wordsWithin(command: string, width: number): { kept: string; next: string | undefined } {
  const [name = '', ...rest] = wordsOf(command)
  let kept = name.length <= longestName ? name : `${name.slice(0, longestName - 1)}…`
  const next = rest.find((each, index) => {
    const isLast = index === rest.length - 1
    if (kept.length + 1 + each.length > width - (isLast ? 0 : 2)) return true
    kept += ` ${each}`
    return false
  })
  return { kept, next }
}

/** A last word up to so many characters is shown behind what is left out: it is often what a program is told to do. */
const longestLast = 24

function cutEnd(command: string, width: number): string {
  const { kept, next } = wordsWithin(command, width)
  if (next === undefined) return kept
  const last = wordsOf(command).at(-1)!
  if (last !== next && last.length <= longestLast && last.length < width / 2) {
    return `${wordsWithin(command, width - last.length - 1).kept} … ${last}`
  }
  const room = width - kept.length - 2
  return room < leastOfWord ? `${kept} …` : `${kept} ${next.slice(0, room)}…`
}

const commonLength = ([first = '', ...others]: readonly string[]): number => {
  let length = 0
  while (length < first.length && others.every((other) => other[length] === first[length])) length += 1
  return length
}

/** Command lines whose beginnings are the same: the name, and what comes where they differ. */
function cutMiddle(commands: readonly string[], width: number): string[] {
  const common = commonLength([...new Set(commands)])
  return commands.map((command) => {
    const { kept } = wordsWithin(command, width / 3)
    const room = width - kept.length - 3
    const boundary = command.slice(0, Math.max(0, common - leastOfWord)).search(/[ /][^ /]*$/)
    const start = Math.max(kept.length, Math.min(boundary, command.length - room))
    const tail = command.slice(start, start + room).trimStart()
    return `${kept} …${tail.startsWith('/') ? '' : ' '}${tail}${start + room < command.length ? '…' : ''}`
  })
}

/**
 * Command lines as the rows of a report have them, each of one line and with nothing in it that steers a terminal.
 *
 * @param workspace a folder that is shown as `<workspace>`.
 */
export function shortCommands(commands: readonly string[], workspace?: string, width = mostWidth): string[] {
  const named = commands.map((command) =>
    escapeControls(workspace === undefined ? command : command.replaceAll(workspace, '<workspace>')).slice(0, mostRead),
  )
  const fitting = named.map((command) => (command.length <= width ? command : cutFolders(command, width)))
  const short = fitting.map((command) => (command.length <= width ? command : cutEnd(command, width)))
  const alike = new Map<string, number[]>()
  for (const [index, each] of short.entries()) {
    const same = alike.get(each)
    if (same === undefined) alike.set(each, [index])
    else same.push(index)
  }
  const shown = [...short]
  for (const indexes of alike.values()) {
    if (new Set(indexes.map((at) => named[at])).size === 1) continue
    const areTold = new Set(indexes.map((at) => fitting[at])).size > 1
    const middles = cutMiddle(
      indexes.map((at) => (areTold ? fitting : named)[at]!),
      width,
    )
    for (const [order, at] of indexes.entries()) shown[at] = middles[order]!
  }
  return shown
}

/** One of them. */
export const shortCommand = (command: string, workspace?: string): string => shortCommands([command], workspace)[0]!

/** Characters of a command line that is shown in a sentence. */
const mostInSentence = 120

/** A stranger's, of whom nothing else is known: its name and what it begins with, and its end. */
export function shortStranger(command: string): string {
  const line = escapeControls(command.slice(0, mostRead))
  const fitting = line.length <= mostInSentence ? line : cutFolders(line, mostInSentence)
  if (fitting.length <= mostInSentence) return fitting
  const head = fitting.slice(0, mostInSentence / 2).trimEnd()
  return `${head} … ${fitting.slice(head.length + 3 - mostInSentence)}`
}

import { escapeControls } from './escape.js'

// A command line in one row of a report. It keeps what people recognise it by: the program's name, its first arguments,
// and where it differs from the row beside it. Folders are cut first.

/** How many characters of a command line a row has. */
export const mostWidth = 60
/** What comes after this many characters is not in any row. */
const mostRead = 4000
/** A program's name is shown whole up to this many characters. */
const longestName = 100
/** A word that is cut keeps at least this many characters. */
const leastOfWord = 8

/** A word of a shell's command line. Blanks in quotes do not end it. */
const word = /(?:'[^']*'|[^' ])+/g

/**
 * Removes folders before the last `kept` parts of a path, wherever in a word it begins: after `--config=`, or in
 * quotes.
 */
const lessFolders = (text: string, kept: number): string =>
  text.replaceAll(/(?<![\w.:/…-])(?:<workspace>|[\w@%+.~-]*)(?:\/[^/\s'",:=]+)+/g, (path) => {
    const parts = path.split('/')
    const short = `…/${parts.slice(-kept).join('/')}`
    return parts.length > kept + 1 && short.length < path.length ? short : path
  })

const wordsOf = (command: string): string[] => command.match(word) ?? [command]

/** Whether a word is the text of a program, so that nothing in it is an argument. */
const isScript = (text: string): boolean => / /.test(text) && /[;&|<>$(){}]/.test(text)

/** Cuts the folders of a command line as far as needed: first a little in all words, then word by word. */
function cutFolders(command: string, width: number): string {
  const gentle = wordsOf(command).map((each) => (isScript(each) ? each : lessFolders(each, 2)))
  for (let index = 0; index < gentle.length && gentle.join(' ').length > width; index += 1) {
    if (!isScript(gentle[index]!)) gentle[index] = lessFolders(gentle[index]!.replaceAll('…/', '/'), 1)
  }
  return gentle.join(' ')
}

/** The name, and as many of the words after it as there is room for. */
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

/** A last word of up to this many characters is always shown, because it often says what the program does. */
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

/** Cuts command lines that begin alike: they keep the name, and what comes where they differ. */
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
 * The command lines for the rows of a report, each on one line and without control characters.
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

/** The same for a single command line. */
export const shortCommand = (command: string, workspace?: string): string => shortCommands([command], workspace)[0]!

/** How many characters of a command line a sentence has. */
const mostInSentence = 120

/** The command line of an unknown process: its name, its beginning, and its end. */
export function shortStranger(command: string): string {
  const line = escapeControls(command.slice(0, mostRead))
  const fitting = line.length <= mostInSentence ? line : cutFolders(line, mostInSentence)
  if (fitting.length <= mostInSentence) return fitting
  const head = fitting.slice(0, mostInSentence / 2).trimEnd()
  return `${head} … ${fitting.slice(head.length + 3 - mostInSentence)}`
}

import { plain } from './ansi.js'

/** Makes a pattern from what somebody typed: a text, or `/a regular expression/`. */
export function toPattern(text: string): RegExp | undefined {
  if (text === '') return undefined
  const match = /^\/(.+)\/([a-z]*)$/.exec(text)
  try {
    return match === null
      ? new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`), 'gi')
      : new RegExp(match[1]!, `g${match[2]!.replaceAll('g', '')}`)
  } catch {
    return undefined
  }
}

/** All non-empty matches of a pattern. */
export function matchesIn(text: string, pattern: RegExp): [begin: number, end: number][] {
  const found: [number, number][] = []
  for (const match of text.matchAll(pattern)) {
    if (match[0] !== '') found.push([match.index, match.index + match[0].length])
    if (found.length > 100) break
  }
  return found
}

/** Whether a line matches. */
export const tester = (pattern: RegExp): ((text: string) => boolean) => {
  const test = new RegExp(pattern.source, pattern.flags.replace('g', ''))
  return (text) => test.test(plain(text))
}

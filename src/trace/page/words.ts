// Numbers, times and command lines as a person reads them.

export function duration(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return '–'
  if (ms < 10) return `${ms.toFixed(1)} ms`
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}

/** Seconds since the begin, all of one width. */
export const clock = (ms: number): string => (ms / 1000).toFixed(3)

export const count = (number: number, word: string): string =>
  `${number.toLocaleString('en')} ${word}${number === 1 ? '' : word.endsWith('s') ? 'es' : 's'}`

export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** Folders say less than the names in them. */
const longPath = /(?<![\w/.~-])(?:\/[^\s/'"]+){3,}/g

/** A command line without what all of them share: the folders of programs, of scripts, and the workspace's. */
export function shortCommand(command: string, workspace = ''): string {
  const below = workspace === '' ? command : command.replaceAll(`${workspace}/`, '').replaceAll(workspace, '.')
  const space = below.indexOf(' ')
  const program = space < 0 ? below : below.slice(0, space)
  const rest = space < 0 ? '' : below.slice(space)
  return `${program.startsWith("'") ? program : nameOf(program)}${rest.replaceAll(longPath, (path) => `…/${nameOf(path)}`)}`
}

/** A text that is too long loses its middle: commands differ at their ends. */
export function middle(text: string, most: number): string {
  if (text.length <= most) return text
  const tail = Math.floor((most - 1) * 0.55)
  return `${text.slice(0, most - 1 - tail)}…${text.slice(text.length - tail)}`
}

/** How a shell reads a folder's name as one word. */
export const quoted = (text: string): string =>
  /^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`

// Numbers, times and command lines in the form in which people read them.

export function duration(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return '–'
  if (ms < 10) return `${ms.toFixed(1)} ms`
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}

/** Seconds since the beginning, always with three decimals. */
export const clock = (ms: number): string => (ms / 1000).toFixed(3)

export const count = (number: number, word: string): string =>
  `${number.toLocaleString('en')} ${word}${number === 1 ? '' : word.endsWith('s') ? 'es' : 's'}`

export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** Folders tell less than the names in them. */
const longPath = /(?<![\w/.~-])(?:\/[^\s/'"]+){3,}/g

/** A command line without what all command lines share: the folders of programs and scripts, and the workspace's. */
export function shortCommand(command: string, workspace = ''): string {
  const below = workspace === '' ? command : command.replaceAll(`${workspace}/`, '').replaceAll(workspace, '.')
  const space = below.indexOf(' ')
  const program = space < 0 ? below : below.slice(0, space)
  const rest = space < 0 ? '' : below.slice(space)
  return `${program.startsWith("'") ? program : nameOf(program)}${rest.replaceAll(longPath, (path) => `…/${nameOf(path)}`)}`
}

/** Cuts the middle of a text that is too long, because commands differ at their ends. */
export function middle(text: string, most: number): string {
  if (text.length <= most) return text
  const tail = Math.floor((most - 1) * 0.55)
  return `${text.slice(0, most - 1 - tail)}…${text.slice(text.length - tail)}`
}

/** A folder's name, quoted as one word for a shell. */
export const quoted = (text: string): string =>
  /^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`

import { readFileSync } from 'node:fs'

// To the kernel the words of a command line and the variables of an environment are bytes. Node reads them as UTF-8, and
// what is not UTF-8, such as a file name in Latin-1, is U+FFFD from then on. No function of Node's starts a program with
// such bytes. A shell can: it makes them from octal numbers, and then becomes the command.

/** The command and its arguments, as `spawn` takes them. */
export interface Words {
  readonly command: string
  readonly args: readonly string[]
}

/** The entries of a file of /proc, each with a character for each byte. */
const entriesOf = (file: 'cmdline' | 'environ'): string[] =>
  readFileSync(`/proc/self/${file}`, 'latin1').split('\0').slice(0, -1)

const read = (bytes: string): string => Buffer.from(bytes, 'latin1').toString()
const isChanged = (bytes: string): boolean => Buffer.from(read(bytes)).toString('latin1') !== bytes

const toOctal = (bytes: string): string =>
  Array.from(bytes, (byte) => `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`).join('')

/** A substitution drops the newlines at its end: a full stop keeps them, and is cut off behind it. */
const assign = (name: string, bytes: string): string => `${name}=$(printf '${toOctal(bytes)}.') ${name}=\${${name}%.}`

/** The bytes that Node has read as these words, if they are the last ones of this process's command line. */
function bytesOf(words: readonly string[]): string[] | undefined {
  const entries = entriesOf('cmdline').slice(-words.length)
  return entries.length === words.length && entries.every((bytes, index) => read(bytes) === words[index])
    ? entries
    : undefined
}

/** The variables that Node has changed. A name that no shell knows stays as it is. */
const changedVariables = (): [name: string, bytes: string][] =>
  entriesOf('environ')
    .filter((entry) => isChanged(entry) && /^[A-Za-z_]\w*=/.test(entry))
    .map((entry): [string, string] => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)])
    .filter(([name, bytes]) => process.env[name] === read(bytes))

function scriptOf(words: readonly string[], variables: readonly (readonly [string, string])[]): string {
  const set = variables.map(([name, bytes]) => `${assign(name, bytes)}; export ${name}`)
  const made = words.flatMap((bytes, index) => (isChanged(bytes) ? [assign(`proctor_${index}`, bytes)] : []))
  const names = words.map((bytes, index) => `"\${${isChanged(bytes) ? `proctor_${index}` : index}}"`)
  return [...set, ...made, `exec ${names.join(' ')}`].join('\n')
}

/** What is to be started, so that a command gets the very bytes that this process was given for it. */
export function exactWords({ command, args }: Words): Words {
  try {
    const words = bytesOf([command, ...args])
    if (words === undefined) return { command, args }
    const variables = changedVariables()
    if (variables.length === 0 && !words.some(isChanged)) return { command, args }
    return { command: '/bin/sh', args: ['-c', scriptOf(words, variables), command, ...args] }
  } catch {
    return { command, args } // There is no /proc.
  }
}

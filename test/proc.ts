import { readdirSync, readFileSync } from 'node:fs'

// What the tests know of processes, they read from /proc by this code of their own: what the package says of processes is
// what is being tested.

/** What a file says, or nothing once its process has gone. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

/** The words of a process's command line. A zombie has none. */
export const wordsOf = (pid: number): readonly string[] => readText(`/proc/${pid}/cmdline`).split('\0').slice(0, -1)

/** Every process that the kernel shows, with the words of its command line. Zombies are left out. */
export const commandLines = (): readonly { readonly pid: number; readonly words: readonly string[] }[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), words: wordsOf(Number(name)) }))
    .filter(({ words }) => words.length > 0)

/** A process's environment, or nothing once it has gone. */
export const environmentOf = (pid: number): string => readText(`/proc/${pid}/environ`)

/** The children of a process. */
export const childrenOf = (pid: number): readonly number[] =>
  readText(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number)

export interface Stat {
  readonly pid: number
  /** The letter of its state: `Z` is a zombie. */
  readonly state: string
  readonly parent: number
  readonly group: number
  /** When it started, in clock ticks since the boot. With the pid, it identifies one process and no other. */
  readonly startTime: string
}

/** proc(5): the name stands in parentheses and may contain anything. What follows it begins with the state. */
const fieldsOf = (text: string): string[] => text.slice(text.lastIndexOf(')') + 2).split(' ')

/** What the kernel says of a process, or `undefined` once it has gone. */
export function statOf(pid: number): Stat | undefined {
  const text = readText(`/proc/${pid}/stat`)
  if (text === '') return undefined
  const fields = fieldsOf(text)
  return { pid, state: fields[0]!, parent: Number(fields[1]), group: Number(fields[2]), startTime: fields[19]! }
}

/** Whether the main thread of a process is exiting, or has exited: it has the flag PF_EXITING. */
export const isExiting = (pid: number): boolean => (Number(fieldsOf(readText(`/proc/${pid}/stat`))[6]) & 0x4) !== 0

/** Whether a process has exited: a zombie has. */
export const hasExited = (stat: Stat | undefined): boolean => stat === undefined || /[ZX]/.test(stat.state)

import { basename } from 'node:path'

// Says what to do about a leak, in two lines.

/** Programs whose name says nothing. What they run does. */
const interpreter =
  /^(?:node|nodejs|bun|deno|tsx|ts-node|python[\d.]*|ruby|perl|php|java|env|sh|bash|dash|zsh|busybox)$/

/** A part of a command line that distinguishes it from others. */
export function nameOf(command: string): string | undefined {
  const [program = '', ...args] = command.split(' ').map((word) => word.replaceAll("'", ''))
  const name = basename(program)
  // What a program has named itself may be anything, and this is copied into a test.
  if (!/^[\w@%+=:,.~ -]+$/.test(name)) return undefined
  if (!interpreter.test(name)) return name
  const script = args.find((arg) => !arg.startsWith('-'))
  return script !== undefined && /^[\w@%+=:,./~-]+\.\w+$/.test(script) ? basename(script) : undefined
}

/** The option that allows these, as one would write it. */
const allowing = (commands: readonly string[]): string => {
  const names = [...new Set(commands.map(nameOf))].filter((name) => name !== undefined)
  return `{ allow: [${names.length === 0 ? '…' : names.map((name) => `'${name}'`).join(', ')}] }`
}

/** How long something that leaked had to exit by itself. */
export interface Patience {
  /** ms that it had. */
  readonly waited: number
  readonly leakTimeout: number
}

const describePatience = ({ waited, leakTimeout }: Patience): string =>
  waited === leakTimeout
    ? `leakTimeout: it had ${waited} ms to end by itself`
    : `leakTimeout: it had ${waited} ms to end by itself and not ${leakTimeout}, as the same command line had leaked before in this file`

/** The two ways out of a leak of these command lines, and the option for the time that is waited. */
export const waysOut = (commands: readonly string[], patience: Patience): string[] => [
  `ways out: end it in the test, by kill() or terminate() of its command; or allow it: run(…, ${allowing(commands)})`,
  describePatience(patience),
]

/** The same for what a test has started by itself, under the guard. */
export const waysOutOfGuard = (commands: readonly string[], patience: Patience): string[] => [
  `ways out: end it where it was started, with all that it has started; or allow it: guard(${allowing(commands)})`,
  describePatience(patience),
]

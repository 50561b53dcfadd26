import type { ProcessIdentity } from '../system/process-table/table.js'

// What a worker tells its guardian, a line each. The script keeps the lines and forgets each that comes again with a
// minus; Node reads what is left of them when the worker is dead.

/** What is open. */
export type Line =
  /** The group that a command leads. `before`: who started earlier was in it when its leader exited. */
  | { readonly kind: 'group'; readonly leader: ProcessIdentity; readonly before?: number }
  /** A process without a group of its own, with what it starts. */
  | { readonly kind: 'process'; readonly identity: ProcessIdentity }
  /** An unfinished trace, and where it is to go. */
  | { readonly kind: 'trace'; readonly draft: string; readonly destination: string }
  /** A record of the worker. */
  | { readonly kind: 'record'; readonly path: string }

function fieldsOf(line: Line): (string | number)[] {
  switch (line.kind) {
    case 'group':
      return ['g', line.leader.pid, line.leader.startTime, ...(line.before === undefined ? [] : [line.before])]
    case 'process':
      return ['p', line.identity.pid, line.identity.startTime]
    case 'trace':
      return ['t', line.draft, line.destination]
    case 'record':
      return ['r', line.path]
  }
}

const isNumber = (field: string | number): boolean => typeof field === 'number'

/** The line as it goes through the pipe: a letter, numbers, and text in quotes, which hide tabs and line ends. */
export function formatLine(line: Line): string {
  const [kind, ...fields] = fieldsOf(line)
  return [kind, ...fields.map((field) => JSON.stringify(field))].join('\t')
}

/** Reads a line back. Undefined when it is none: the worker died in the middle of it. */
export function parseLine(text: string): Line | undefined {
  const [kind, ...rest] = text.split('\t')
  try {
    const fields = rest.map((field) => JSON.parse(field) as string & number)
    const [first, second, third] = fields
    if (kind === 'g' && isNumber(first!) && isNumber(second!)) {
      const leader = { pid: first!, startTime: second! }
      return third === undefined ? { kind: 'group', leader } : { kind: 'group', leader, before: third }
    }
    if (kind === 'p' && isNumber(first!) && isNumber(second!)) {
      return { kind: 'process', identity: { pid: first!, startTime: second! } }
    }
    if (kind === 't' && second !== undefined) return { kind: 'trace', draft: first!, destination: second }
    if (kind === 'r' && first !== undefined) return { kind: 'record', path: first }
  } catch {
    // Cut off.
  }
  return undefined
}

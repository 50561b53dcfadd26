import type { ProcessIdentity } from '../system/process-table/table.js'

// The lines that tell the guardian what a worker has open. The script keeps each line until it comes again with a minus
// in front. When the worker is dead, Node reads the lines that are left.

/** Something that is open. */
export type Line =
  /** The group that a command leads. `before`: only members that started earlier are known to be the command's. */
  | { readonly kind: 'group'; readonly leader: ProcessIdentity; readonly before?: number }
  /** A process that leads no group, and whatever it starts. */
  | { readonly kind: 'process'; readonly identity: ProcessIdentity }
  /** An unfinished trace, and its destination. */
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

/** A line as it is written to the pipe: a letter, numbers, and quoted texts, in which tabs and line ends are escaped. */
export function formatLine(line: Line): string {
  const [kind, ...fields] = fieldsOf(line)
  return [kind, ...fields.map((field) => JSON.stringify(field))].join('\t')
}

/** Reads a line. Undefined when it is incomplete: the worker died while it wrote it. */
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
    // An incomplete line.
  }
  return undefined
}

import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

// The public names and signatures as the published declarations have them: comments apart, in one text that a person
// can compare.

interface Statements {
  /** The text of what a file declares, by name. */
  readonly declared: ReadonlyMap<string, string>
  /** Where a name comes from that it hands on: `[file, name there]`. */
  readonly handedOn: ReadonlyMap<string, readonly [file: string, name: string]>
  /** Files that it hands on whole, and what augments other modules. */
  readonly others: readonly string[]
}

const withoutComments = (text: string): string =>
  text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '')

/** Splits a declaration file at the statements of its top level. */
function topLevel(text: string): string[] {
  const statements: string[] = []
  let depth = 0
  for (const line of withoutComments(text).split('\n')) {
    if (line.trim() === '') continue
    if (depth === 0 && /^\S/.test(line) && line !== '}' && !line.startsWith('}')) statements.push(line)
    else statements[statements.length - 1] += `\n${line}`
    depth += line.split('{').length - 1
    depth -= line.split('}').length - 1
  }
  return statements
}

function read(file: string): Statements {
  const declared = new Map<string, string>()
  const handedOn = new Map<string, readonly [string, string]>()
  const others: string[] = []
  for (const statement of topLevel(readFileSync(file, 'utf8'))) {
    const list = /^(?:export|import)(?: type)? \{([^}]*)\} from '(\.[^']*)';?$/.exec(statement)
    const [, kind, name] =
      /^(?:export )?(?:default |declare |abstract )*(class|const|function|interface|type) (\w+)/.exec(statement) ?? []
    if (list !== null) {
      for (const part of list[1]!.split(',')) {
        const [there, here = there] = part
          .trim()
          .replace(/^type /, '')
          .split(' as ')
        if (there !== undefined && there !== '')
          handedOn.set(here!, [join(dirname(file), list[2]!.replace(/\.js$/, '.d.ts')), there])
      }
    } else if (kind !== undefined) {
      const before = declared.get(name!)
      declared.set(name!, before === undefined ? statement : `${before}\n${statement}`)
    } else if (!/^(?:import|export \{)/.test(statement)) {
      others.push(statement)
    }
  }
  return { declared, handedOn, others }
}

function find(file: string, name: string): string {
  const { declared, handedOn } = read(file)
  const next = handedOn.get(name)
  if (next !== undefined) return find(...next)
  return declared.get(name) ?? `${name}: not found in ${file}`
}

/** The names of a door, each with its declaration, sorted. */
export function declarationsOf(door: string): string {
  const text = readFileSync(door, 'utf8')
  const { declared, handedOn, others } = read(door)
  const exported = [...handedOn.keys()].filter((name) =>
    new RegExp(`^export(?: type)? \\{[^}]*\\b${name}\\b[^}]*\\}`, 'm').test(text),
  )
  const names = [...new Set([...exported, ...declared.keys()])].toSorted((a, b) => a.localeCompare(b))
  return [...others, ...names.map((name) => find(door, name))].join('\n')
}

import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

// The public names and signatures from the published declarations, without comments, in one text that a person can
// compare.

interface Statements {
  /** The text of each declaration in a file, by name. */
  readonly declared: ReadonlyMap<string, string>
  /** The names that the file exports, each with its name inside the file. */
  readonly exported: ReadonlyMap<string, string>
  /** Where each imported name comes from: `[file, name there]`. */
  readonly imported: ReadonlyMap<string, readonly [file: string, name: string]>
  /** The `export *` statements, and the augmentations of other modules. */
  readonly others: readonly string[]
}

const withoutComments = (text: string): string =>
  text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '')

/** Splits a declaration file into its top-level statements. */
function topLevel(text: string): string[] {
  const statements: string[] = []
  let depth = 0
  for (const line of withoutComments(text).split('\n')) {
    if (line.trim() === '') continue
    if (depth === 0 && /^\S/.test(line) && !line.startsWith('}')) statements.push(line)
    else statements[statements.length - 1] += `\n${line}`
    depth += line.split('{').length - 1
    depth -= line.split('}').length - 1
  }
  return statements
}

/** The `[outer, inner]` names of `{ inner as outer, type same }`. */
const namesOf = (list: string): (readonly [string, string])[] =>
  list
    .split(',')
    .map((part) =>
      part
        .trim()
        .replace(/^type /, '')
        .split(' as '),
    )
    .map(([inner = '', outer = inner]) => [outer, inner] as const)
    .filter(([name]) => name !== '')

function read(file: string): Statements {
  const declared = new Map<string, string>()
  const exported = new Map<string, string>()
  const imported = new Map<string, readonly [string, string]>()
  const others: string[] = []
  for (const statement of topLevel(readFileSync(file, 'utf8'))) {
    const [, keyword, list, source] =
      /^(import|export)(?: type)? \{([^}]*)\}(?: from ['"]([^'"]*)['"])?;?$/.exec(statement) ?? []
    const [, name] = /^(?:declare |abstract )*(?:class|const|function|interface|type) (\w+)/.exec(statement) ?? []
    if (keyword === 'export') for (const [outer, inner] of namesOf(list!)) exported.set(outer, inner)
    else if (keyword === 'import') {
      const path = join(dirname(file), source!.replace(/\.js$/, '.d.ts').replace(/types\.d\.ts$/, 'types.d.cts'))
      for (const [here, there] of namesOf(list!)) imported.set(here, [path, there])
    } else if (name !== undefined) {
      declared.set(name, [declared.get(name), statement].filter((text) => text !== undefined).join('\n'))
    } else if (!statement.startsWith('import ')) others.push(statement)
  }
  return { declared, exported, imported, others }
}

function find(file: string, name: string): string {
  const { declared, exported, imported } = read(file)
  const inner = exported.get(name)!
  const source = imported.get(inner)
  if (source !== undefined) return find(...source)
  return declared.get(inner) ?? `${name}: declared beside another name`
}

/** The names that an entry point exports, each with its declaration, sorted. */
export function declarationsOf(door: string): string {
  const { exported, imported, others } = read(door)
  // `expect` is the runner's own, and has no declaration of ours.
  const isOwn = (inner: string): boolean => imported.get(inner)?.[0].match(/\.d\.c?ts$/) !== null
  const names = [...exported].filter(([, inner]) => isOwn(inner)).map(([outer]) => outer)
  return [...others, ...names.toSorted((a, b) => a.localeCompare(b)).map((name) => find(door, name))].join('\n')
}

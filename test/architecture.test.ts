import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inRoot } from './inner-run.js'

// Four floors: a file imports from its own, without circles, or from lower ones.
const floors = ['system', 'command', 'fixture', 'doors'] as const

const source = inRoot('src')

const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .toSorted()

interface Import {
  readonly from: string
  /** A file below src, or the name of a package. */
  readonly to: string
  readonly kind: 'own' | 'node' | 'foreign'
}

/** Every `import … from`, `export … from`, `import '…'` and `import('…')`, types too: a circle of types is one. */
function importsOf(file: string): Import[] {
  const text = readFileSync(join(source, file), 'utf8')
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/^\s*\/\/.*$/gm, '')
  const pattern =
    /^(?:import|export)\s(?:[^'"`;]*?\sfrom\s)?['"]([^'"]+)['"]|^\} from ['"]([^'"]+)['"]|\b(?:import|require|createRequire\([^)]*\))\(\s*['"]([^'"]+)['"]\s*\)/gm
  return [...text.matchAll(pattern)].map((match) => {
    const to = (match[1] ?? match[2] ?? match[3])!
    if (to.startsWith('.')) {
      const path = relative(source, resolve(source, dirname(file), to)).replace(/\.js$/, '.ts')
      return { from: file, to: path, kind: 'own' }
    }
    return { from: file, to, kind: to.startsWith('node:') ? 'node' : 'foreign' }
  })
}

const imports = files.flatMap(importsOf)

const floorOf = (file: string): number => (file.includes('/') ? floors.indexOf(file.split('/')[0] as 'system') : 3)

const packageOf = (specifier: string): string => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')

describe('the floors', () => {
  test('are these, and every file is on one', () => {
    expect(files.length).toBeGreaterThan(25)
    expect(files.filter((file) => floorOf(file) < 0)).toEqual([])
  })

  test('the imports are all found', () => {
    // A negative control of the pattern above: what it misses cannot be judged.
    const text = files.map((file) => readFileSync(join(source, file), 'utf8')).join('\n')
    const lines = text.split('\n').filter((line) => /\bfrom '[^']+'$/.test(line))
    expect(imports.length).toBeGreaterThanOrEqual(lines.length)
    expect(imports).toContainEqual({ from: 'command/spawn.ts', to: 'execa', kind: 'foreign' })
    expect(imports).toContainEqual({ from: 'command/tmp-folder.ts', to: 'tmp-promise', kind: 'foreign' })
    expect(imports).toContainEqual({ from: 'index.ts', to: 'fixture/proctor.ts', kind: 'own' })
  })

  test('what is imported exists', () => {
    expect(imports.filter(({ kind, to }) => kind === 'own' && !files.includes(to))).toEqual([])
  })

  test('no file imports from a higher one', () => {
    const upwards = imports.filter(({ kind, from, to }) => kind === 'own' && floorOf(to) > floorOf(from))
    expect(upwards).toEqual([])
  })

  test('doors are not imported by anything but doors, and only for types', () => {
    const doors = imports.filter(({ kind, to }) => kind === 'own' && floorOf(to) === 3)
    for (const { from, to } of doors) {
      const text = readFileSync(join(source, from), 'utf8')
      expect(text).toMatch(new RegExp(`(?:export|import) type [^'"]*'\\./${to.replace('.ts', '.js')}'`))
    }
  })

  test('there is no circle', () => {
    const next = new Map<string, string[]>()
    for (const { from, to, kind } of imports) if (kind === 'own') next.set(from, [...(next.get(from) ?? []), to])
    const circles: string[] = []
    const done = new Set<string>()
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' > '))
      if (path.includes(file) || done.has(file)) return
      for (const to of next.get(file) ?? []) visit(to, [...path, file])
      done.add(file)
    }
    for (const file of files) visit(file, [])
    expect(circles).toEqual([])
  })
})

describe('foreign packages', () => {
  const foreign = imports.filter(({ kind }) => kind === 'foreign')
  /** The runners' own, for doors alone. */
  const isRunner = (specifier: string): boolean =>
    ['vitest', 'jest', 'jest-circus', '@jest/globals', '@jest/types', 'expect'].includes(packageOf(specifier))

  test('Node’s own modules are imported as such', () => {
    expect(foreign.filter(({ to }) => builtinModules.includes(to))).toEqual([])
  })

  test('each is imported in exactly one file', () => {
    const importers = new Map<string, Set<string>>()
    for (const { from, to } of foreign.filter((each) => !isRunner(each.to))) {
      importers.set(packageOf(to), (importers.get(packageOf(to)) ?? new Set()).add(from))
    }
    expect([...importers].filter(([, from]) => from.size !== 1)).toEqual([])
    expect(Object.fromEntries([...importers].map(([name, [from]]) => [name, from]))).toMatchObject({
      execa: 'command/spawn.ts',
      'tmp-promise': 'command/tmp-folder.ts',
      pidtree: 'system/process-table/pidtree.ts',
      'ps-list': 'system/process-table/ps-list.ts',
    })
  })

  test('runners are imported by doors alone', () => {
    expect(foreign.filter(({ from, to }) => isRunner(to) && floorOf(from) !== 3)).toEqual([])
  })

  test('the core imports no runner, however far one follows it', () => {
    const seen = new Set<string>()
    const visit = (file: string): void => {
      if (seen.has(file)) return
      seen.add(file)
      for (const { to, kind } of importsOf(file)) if (kind === 'own') visit(to)
    }
    visit('index.ts')
    visit('matchers.ts')
    expect(foreign.filter(({ from, to }) => seen.has(from) && isRunner(to))).toEqual([])
  })
})

describe('what is done in one place', () => {
  const withoutComments = (file: string): string =>
    readFileSync(join(source, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
  const using = (pattern: RegExp): string[] => files.filter((file) => pattern.test(withoutComments(file)))

  test('signals: signals.ts is the only file that calls process.kill', () => {
    expect(using(/\bprocess\.kill\b|\.kill\(\s*(?:'SIG|-)/)).toEqual(['system/signals.ts'])
  })

  test('time: poll.ts is the only clock', () => {
    expect(using(/\bDate\.now\b|\bperformance\.now\b|(?<![.\w])set(?:Timeout|Interval)\(/)).toEqual(['system/poll.ts'])
    expect(using(/from 'node:perf_hooks'/)).toEqual(['system/poll.ts'])
  })
})

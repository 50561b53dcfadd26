import { readdirSync, readFileSync, statSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inRoot } from './inner-run.js'

// The folders of src, called rooms, from the lowest to the highest. A file may import from its own room, without
// cycles, and from the rooms listed here. "Any lower room" would not be enough: the list says what each room may know.
const rooms: Readonly<Record<string, readonly string[]>> = {
  base: [],
  system: ['base'],
  wait: ['base'],
  containment: ['wait', 'system', 'base'],
  snapshot: ['containment', 'system', 'base'],
  workspace: ['snapshot', 'containment', 'system', 'base'],
  guardian: ['workspace', 'containment', 'system', 'base'],
  readiness: ['snapshot', 'containment', 'wait', 'system', 'base'],
  worker: ['guardian', 'containment', 'system', 'base'],
  command: ['readiness', 'snapshot', 'containment', 'wait', 'system', 'base'],
  guard: ['worker', 'guardian', 'containment', 'wait', 'system', 'base'],
  terminal: ['command', 'worker', 'containment', 'wait', 'system', 'base'],
  report: ['command', 'guardian', 'containment', 'base'],
  trace: ['report', 'command', 'worker', 'guardian', 'workspace', 'containment', 'wait', 'system', 'base'],
  matchers: ['report', 'terminal', 'command', 'workspace', 'snapshot', 'containment', 'wait', 'system', 'base'],
  fixture: ['trace', 'terminal', 'report', 'command', 'worker', 'workspace', 'containment', 'wait', 'system', 'base'],
  supervisor: ['trace', 'guard', 'worker', 'guardian', 'containment', 'wait', 'system', 'base'],
  cli: ['supervisor', 'workspace', 'guardian', 'base'],
  runners: 'fixture guard matchers trace report command worker workspace guardian containment wait base'.split(' '),
}

/** The entry points, files of src itself, may import from any room. */
const entryPoints = 'src'

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

/**
 * Every `import … from`, `export … from`, `import '…'` and `import('…')`. Type imports count too: a cycle of types is
 * also a cycle.
 */
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

const roomOf = (file: string): string => (file.includes('/') ? file.split('/')[0]! : entryPoints)

const packageOf = (specifier: string): string => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')

describe('the rooms', () => {
  test('are these, and every file is in one', () => {
    expect(files.length).toBeGreaterThan(25)
    expect(files.filter((file) => roomOf(file) !== entryPoints && rooms[roomOf(file)] === undefined)).toEqual([])
    expect(Object.keys(rooms).filter((room) => !files.some((file) => roomOf(file) === room))).toEqual([])
  })

  test('the imports are all found', () => {
    // The negative control of the pattern above: an import that the pattern misses would never be checked.
    const text = files.map((file) => readFileSync(join(source, file), 'utf8')).join('\n')
    const lines = text.split('\n').filter((line) => /\bfrom '[^']+'$/.test(line))
    expect(imports.length).toBeGreaterThanOrEqual(lines.length)
    expect(imports).toContainEqual({ from: 'command/launch/portable.ts', to: 'execa', kind: 'foreign' })
    expect(imports).toContainEqual({ from: 'workspace/temporary-folder.ts', to: 'tmp-promise', kind: 'foreign' })
    expect(imports).toContainEqual({ from: 'index.ts', to: 'fixture/create-proctor.ts', kind: 'own' })
  })

  test('what is imported exists', () => {
    expect(imports.filter(({ kind, to }) => kind === 'own' && !files.includes(to))).toEqual([])
  })

  test('no file imports from a room that its own does not name', () => {
    const strangers = imports.filter(({ kind, from, to }) => {
      if (kind !== 'own' || roomOf(from) === entryPoints || roomOf(from) === roomOf(to)) return false
      return !rooms[roomOf(from)]!.includes(roomOf(to))
    })
    expect(strangers.map(({ from, to }) => `${from} > ${to}`)).toEqual([])
  })

  test('a room only names lower ones', () => {
    const order = Object.keys(rooms)
    const upwards = order.flatMap((room) =>
      rooms[room]!.filter((other) => order.indexOf(other) >= order.indexOf(room)).map((other) => `${room} > ${other}`),
    )
    expect(upwards).toEqual([])
  })

  test('entry points are imported by nothing but entry points, and only for types', () => {
    const entries = imports.filter(({ kind, to }) => kind === 'own' && roomOf(to) === entryPoints)
    for (const { from, to } of entries) {
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
  /** The modules of the test runners. Only entry points and the room `runners` may import them. */
  const isRunner = (specifier: string): boolean =>
    ['vitest', 'jest', 'jest-circus', '@jest/globals', '@jest/types', 'expect', '@playwright/test'].includes(
      packageOf(specifier),
    )

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
      execa: 'command/launch/portable.ts',
      'tmp-promise': 'workspace/temporary-folder.ts',
      pidtree: 'system/process-table/pidtree.ts',
      'ps-list': 'system/process-table/ps-list.ts',
    })
  })

  test('runners are imported by entry points and the room of the runners alone', () => {
    const mayKnow = [entryPoints, 'runners']
    expect(foreign.filter(({ from, to }) => isRunner(to) && !mayKnow.includes(roomOf(from)))).toEqual([])
  })

  test('the core imports no runner, directly or indirectly', () => {
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

  test('time: clock.ts is the only clock', () => {
    expect(using(/\bDate\.now\b|\bperformance\.now\b|(?<![.\w])set(?:Timeout|Interval)\(/)).toEqual(['base/clock.ts'])
    expect(using(/from 'node:(?:perf_hooks|timers)/)).toEqual(['base/clock.ts'])
  })
})

describe('what importing an entry point loads', () => {
  const dist = inRoot('dist')
  const isStatic = /\bfrom\s*"([^"]+)"|\bimport\s*"([^"]+)"/g

  /**
   * The files and Node's modules that an import of a file loads, directly or through other files. `import()` is left
   * out.
   */
  function loadedBy(file: string, seen = new Set<string>()): Set<string> {
    seen.add(file)
    const text = readFileSync(join(dist, file), 'utf8')
    for (const [, from, bare] of text.matchAll(isStatic)) {
      const to = (from ?? bare)!
      if (!to.startsWith('./')) seen.add(to)
      else if (!seen.has(to.slice(2))) loadedBy(to.slice(2), seen)
    }
    return seen
  }
  const chunksOf = (file: string): string[] =>
    [...loadedBy(file)].flatMap((each) => /^chunk-([a-z-]+?)-[\w-]{8}\.js$/.exec(each)?.[1] ?? [])
  const sizeOf = (file: string): number =>
    [...loadedBy(file)].reduce((sum, each) => sum + (each.endsWith('.js') ? statSync(join(dist, each)).size : 0), 0)

  // A worker pays for this import in every test file, and most test files run no command.
  test('proctor/vitest loads no part of the engine', () => {
    expect([...loadedBy('vitest.js')].toSorted()).toEqual(['node:path', 'node:util', 'vitest', 'vitest.js'])
    expect(sizeOf('vitest.js')).toBeLessThan(6000)
    // The negative control: the fixtures load this much.
    expect(sizeOf('index.js')).toBeGreaterThan(200_000)
  })

  test('a guard loads no fixtures', () => {
    for (const guard of ['vitest-guard.js', 'jest-guard.js', 'node-test-guard.js']) {
      expect(chunksOf(guard)).toContain('system')
      expect(chunksOf(guard)).not.toContain('core')
    }
  })

  test('fixtures load neither a guard nor what makes traces', () => {
    for (const door of ['index.js', 'vitest-fixtures.js', 'jest.js', 'node-test.js']) {
      expect(chunksOf(door)).toEqual(expect.arrayContaining(['system', 'core']))
      expect(chunksOf(door).filter((name) => ['guard', 'trace', 'trace-list'].includes(name))).toEqual([])
    }
  })

  // Vitest 3.2 refuses `vitest` outside its workers. The negative control is the guard, which runs in a worker.
  test('what runs in the main process does not load Vitest', () => {
    const doors = readdirSync(dist).filter((file) => file.endsWith('.js') && !file.startsWith('chunk-'))
    expect(doors.filter((door) => loadedBy(door).has('vitest')).toSorted()).toEqual([
      'vitest-fixtures.js',
      'vitest-guard.js',
      'vitest.js',
    ])
  })

  test('both builds load the same file of execa', async () => {
    const users = readdirSync(dist).filter((file) => readFileSync(join(dist, file), 'utf8').includes('./execa.cjs'))
    expect(users.map((file) => file.replace(/-[\w-]{8}\./, '.')).toSorted()).toEqual([
      'chunk-core.cjs',
      'chunk-core.js',
    ])
    expect(await import(join(dist, 'execa.cjs'))).toHaveProperty('execa', expect.any(Function))
  })

  test('rarely needed parts are loaded on demand', () => {
    const late = ['pidtree', 'ps-list', 'ask', 'free-port', 'supervisor']
    const chunks = readdirSync(dist).join('\n')
    expect(late.filter((name) => !chunks.includes(`chunk-${name}-`))).toEqual([])
    expect(chunks).toContain('execa.cjs')
    const doors = 'index vitest vitest-guard jest jest-guard node-test node-test-guard playwright matchers serializer'
    for (const door of doors.split(' ')) {
      // node:test loads node:assert itself.
      const unwanted =
        door === 'node-test' ? /^node:(?:https?|crypto|readline)$/ : /^node:(?:assert|https?|crypto|readline)$/
      expect(chunksOf(`${door}.js`).filter((name) => late.includes(name))).toEqual([])
      expect([...loadedBy(`${door}.js`)]).not.toContain('execa.cjs')
      expect([...loadedBy(`${door}.js`)].filter((name) => unwanted.test(name))).toEqual([])
    }
  })
})

// A mutation that no longer matches fails only in its own test, which takes a minute. This test reports it at once.
test('what the negative controls switch off is in the sources, once', () => {
  const literal = String.raw`'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"`
  const pattern = new RegExp(String.raw`file: '(src/[^']+)',\s*from:\s*(${literal})`, 'g')
  const controls = readdirSync(inRoot('test/controls'))
    .map((file) => readFileSync(inRoot(`test/controls/${file}`), 'utf8'))
    .join('\n')
  const found = [...controls.matchAll(pattern)].map(([, file, text]) => {
    // oxlint-disable-next-line typescript/no-implied-eval -- a literal of our own tests.
    const from = new Function(`return ${text}`)() as string
    return `${file}: ${readFileSync(inRoot(file!), 'utf8').split(from).length - 1} x ${from}`
  })
  expect(found.length).toBeGreaterThan(10)
  expect(found.filter((line) => !/: 1 x /.test(line))).toEqual([])
})

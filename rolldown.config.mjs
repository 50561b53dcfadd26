// `npm run build`: self-contained ESM and CommonJS builds of every entry point, and the licences of what is compiled
// in. `.ci/declarations.mjs` builds the declarations.
import { createHash } from 'node:crypto'
import { cp, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { defineConfig } from 'rolldown'
import { minify } from 'rolldown/utils'

export const esmOnly = {
  vitest: 'src/vitest.ts',
  'vitest-guard': 'src/vitest-guard.ts',
  'vitest-reporter': 'src/vitest-reporter.ts',
  'vitest-global-setup': 'src/vitest-global-setup.ts',
  'vitest-plugin': 'src/vitest-plugin.ts',
  'vitest-server': 'src/vitest-server.ts',
  'node-test-reporter': 'src/node-test-reporter.ts',
}
export const both = {
  index: 'src/index.ts',
  matchers: 'src/matchers.ts',
  serializer: 'src/serializer.ts',
  jest: 'src/jest.ts',
  'jest-guard': 'src/jest-guard.ts',
  'node-test': 'src/node-test.ts',
  'node-test-guard': 'src/node-test-guard.ts',
  playwright: 'src/playwright.ts',
  'jest-config': 'src/jest-config.ts',
  'jest-reporter': 'src/jest-reporter.ts',
  'jest-server': 'src/jest-server.ts',
  'jest-global-setup': 'src/jest-global-setup.ts',
  'jest-global-teardown': 'src/jest-global-teardown.ts',
}

/** A person waits for each command of a shell, and Node loads an ES module more slowly than a CommonJS one. */
const commands = { cli: 'src/cli.ts' }

export const external = [/^node:/, 'vitest', /^vitest\//, /^@jest\//, '@playwright/test']

/** The folders of the packages in the builds so far. */
const folders = new Set()

/**
 * Writes the licence of every package that the builds contain. The modules of a build show which packages those are.
 */
const licences = () => ({
  name: 'licences',
  async generateBundle(_, bundle) {
    for (const chunk of Object.values(bundle)) {
      for (const id of chunk.moduleIds ?? []) {
        const match = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id.replace(/^\0/, ''))
        if (match !== null) folders.add(match[0])
      }
    }
    const texts = []
    for (const folder of [...folders].toSorted((a, b) => a.localeCompare(b))) {
      const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
      const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry))
      const text = file === undefined ? `Licence: ${license}` : await readFile(join(folder, file), 'utf8')
      texts.push(`${name} ${version}\n${'-'.repeat(name.length + version.length + 1)}\n${text.trim()}\n`)
    }
    this.emitFile({ type: 'asset', fileName: 'THIRD-PARTY-LICENCES.txt', source: texts.join('\n\n') })
  },
})

/** Entries that are no lists of names. */
const programs = ['execa.cjs', 'guardian-ending.js']

/**
 * Nothing else gets the package below the size that `.ci/package.mjs` allows. Classes whose names a person may print
 * keep them, and entry points, which are lists of names, keep their lines.
 */
const small = {
  name: 'small',
  async renderChunk(code, { fileName, isEntry }) {
    const mangle = { keepNames: { class: true, function: false } }
    const module = fileName.endsWith('.js')
    const codegen = { removeWhitespace: !isEntry || programs.includes(fileName) }
    return inAscii((await minify(fileName, code, { module, mangle, codegen })).code)
  },
}

/** V8 takes half the memory for a text in ASCII, and a worker's first command is 2 ms sooner. */
function inAscii(code) {
  if (/String\.raw`[^`]*[^\0-\u007F]/.test(code)) throw new Error('An escape would change this String.raw.')
  return code.replaceAll(/[^\0-\u007F]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** tmp loads node:crypto to make up names, which takes a worker 3 ms. Here it is given every name. */
const loadedLate = {
  name: 'loaded-late',
  transform: {
    filter: { id: /\/node_modules\/tmp\/lib\/tmp\.js$/ },
    handler(code) {
      const late = code.replace(
        "const crypto = require('crypto');",
        "const crypto = { randomBytes: (count) => require('crypto').randomBytes(count) };",
      )
      if (late === code) throw new Error('tmp loads node:crypto in another way now.')
      return late
    },
  },
}

/** What `proctor/vitest` loads with the first fixture is an entry of the other ES module build. */
const fixturesOfVitest = 'vitest-fixtures'
const loadedByVitest = {
  name: 'loaded-by-vitest',
  resolveId: (source) => (source === './provide.js' ? { id: `./${fixturesOfVitest}.js`, external: 'relative' } : null),
}

/** execa is one file, which both builds load where they use it: it takes a tenth of the package. */
const execaBeside = {
  name: 'execa-beside',
  resolveId: (source) => (source === 'execa' ? { id: './execa.cjs', external: 'relative' } : null),
}
const execaAlone = {
  name: 'execa-alone',
  resolveId: (source) => (source === 'used-of-execa' ? source : null),
  load: (id) => (id === 'used-of-execa' ? "export { execa } from 'execa'" : null),
}

const guardian = {
  name: 'guardian',
  async writeBundle({ dir }) {
    await cp('src/guardian/guardian.sh', join(dir, 'guardian.sh'))
  },
}

/** The page of a trace: one file with its style and its script, and a policy that allows nothing else. */
const tracePage = {
  name: 'trace-page',
  async generateBundle(_, bundle) {
    const [[name, { code }]] = Object.entries(bundle)
    delete bundle[name]
    const read = (file) => readFile(`src/trace/page/${file}`, 'utf8')
    const sheets = ['base', 'head', 'timeline', 'tabs', 'log', 'panels', 'media']
    const css = await Promise.all(sheets.map((sheet) => read(`css/${sheet}.css`)))
    const style = css.join('').replaceAll(/\/\*[^]*?\*\/|\s*\n\s*/g, '')
    const script = code.trim()
    if (/<\/script|<!--/i.test(script)) throw new Error('The script of the trace page would end early.')
    const hash = (text) => `sha256-${createHash('sha256').update(text).digest('base64')}`
    const parts = { style, script, 'style-hash': hash(style), 'script-hash': hash(script) }
    const source = (await read('page.html')).replaceAll(/\{\{([\w-]+)\}\}/g, (_match, part) => parts[part])
    this.emitFile({ type: 'asset', fileName: 'trace-page.html', source })
  },
}

/** The modules in these rooms of src. */
const rooms = (names) => new RegExp(`/src/(?:${names})`)

/** What not every worker needs has a file of its own in the ES module build. In both builds it would cost 4 kB more. */
const apart = (format, room) => (format === 'es' ? `${room}/|` : '')

const output = (format) => ({
  dir: 'dist',
  format,
  entryFileNames: format === 'es' ? '[name].js' : '[name].cjs',
  // Chunks lie beside the entries, and not in a folder below, so that the code finds guardian.sh from every file.
  chunkFileNames: format === 'es' ? 'chunk-[name]-[hash].js' : 'chunk-[name]-[hash].cjs',
  exports: 'named',
  // Jest’s modules that are CommonJS cannot use import().
  dynamicImportInCjs: false,
  // `small` has already minified the code, and rolldown would print it again with white space.
  minify: false,
  comments: { jsdoc: false },
  // Modules that are loaded together share one file: finding and reading a file costs a worker more than compiling it.
  codeSplitting: {
    groups: [
      // What a runner's entry point uses before a test asks for a fixture. It must stay small, because every worker
      // loads it.
      {
        name: 'names',
        test: /\/src\/(?:workspace\/file-tree|runners\/carried|matchers\/names|base\/(?:start-folder|kinds|call-site|error-text|escape))\.|^\0rolldown\/runtime/,
        priority: 3,
      },
      // What Vitest's fixtures and its guard need of the runner. It imports `vitest`, which Vitest 3.2 refuses in the
      // main process.
      { name: 'in-vitest', test: rooms('runners/vitest/(?:runner|task)\\.'), priority: 3 },
      // What fixtures and guards need. Vitest's global set-up needs its patches, too.
      {
        name: 'system',
        test: rooms(
          `(?!${apart(format, 'guard')}$)(?:base|system/process-table/(?!pidtree|ps-list)|system/[\\w-]+\\.|wait|containment|guard|workspace/(?:own-folder|record|run-lines|warn-once)\\.|trace/trace-folders\\.|worker|report|runners/vitest/patches\\.)`,
        ),
        priority: 2,
      },
      // What writes the list of the traces after a run.
      { name: 'trace-list', test: /\/src\/(?:trace\/(?:index-|format)|runners\/trace-lists)/, priority: 2 },
      // `proctor run` starts once for each command, so it reads no more than it needs.
      { name: 'supervisor', test: rooms('supervisor/(?!run-trace)'), priority: 2 },
      {
        name: 'core',
        // Leaves out what loads node:http, which takes 5 ms, and node:crypto, which takes 3 ms. Only a test that asks
        // for HTTP, or for a port, pays for them.
        test: rooms(
          `(?!${apart(format, 'guard')}${apart(format, 'trace')}trace/page/|runners/|cli/|readiness/(?:ask|free-port)\\.)[\\w-]+/(?!process-table/(?:pidtree|ps-list)\\.)`,
        ),
        priority: 1,
      },
      // After the others, because a group also takes what its modules import.
      { name: 'guard', test: rooms('guard/'), priority: 0 },
      { name: 'trace', test: rooms('trace/(?!page/|index-|format)'), priority: 0 },
    ],
  },
})

const shared = {
  platform: 'node',
  external,
  treeshake: { moduleSideEffects: false },
  tsconfig: 'tsconfig.json',
  checks: { pluginTimings: false },
  experimental: { attachDebugInfo: 'none' },
  // A test may replace a global while one of its commands runs.
  transform: { inject: { Buffer: ['node:buffer', 'Buffer'] } },
}

const { vitest, ...besideVitest } = esmOnly

export default defineConfig([
  {
    ...shared,
    input: { execa: 'used-of-execa' },
    output: {
      dir: 'dist',
      format: 'cjs',
      entryFileNames: '[name].cjs',
      codeSplitting: false,
      minify: false,
      comments: { jsdoc: false },
    },
    plugins: [execaAlone, small, licences()],
  },
  {
    ...shared,
    input: { ...both, ...besideVitest, [fixturesOfVitest]: 'src/runners/vitest/provide.ts' },
    output: output('es'),
    plugins: [execaBeside, loadedLate, small, licences(), guardian],
  },
  { ...shared, input: { ...both, ...commands }, output: output('cjs'), plugins: [execaBeside, loadedLate, small] },
  // One file: every test file loads this one, most run no command, and each further file costs a worker 1 ms.
  {
    ...shared,
    input: { vitest },
    output: { ...output('es'), codeSplitting: false },
    plugins: [loadedByVitest, small],
  },
  // What `require` gets from an entry point that is ESM only.
  {
    ...shared,
    input: { 'vitest-required': 'src/vitest-required.ts' },
    output: { dir: 'dist', format: 'cjs', entryFileNames: '[name].cjs' },
  },
  // What the guardian starts is one file, which is read at once.
  {
    ...shared,
    input: { 'guardian-ending': 'src/guardian-ending.ts' },
    output: { dir: 'dist', format: 'es', codeSplitting: false, minify: false, comments: { jsdoc: false } },
    plugins: [small],
  },
  // What a command loads before its own program, from a copy, is one file.
  {
    ...shared,
    input: { 'coverage-preload': 'src/coverage-preload.ts' },
    output: { dir: 'dist', format: 'cjs', entryFileNames: '[name].cjs' },
    plugins: [small],
  },
  {
    input: 'src/trace/page/main.ts',
    platform: 'browser',
    output: { dir: 'dist', format: 'iife', minify: true },
    plugins: [tracePage],
  },
])

// The last step of `npm run build`. It bundles one declaration file for each entry point from what tsc emits for src.
// What several entry points share goes into one more file. Entry points that are CommonJS too get the same files again.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { rolldown } from 'rolldown'
import { dts } from 'rolldown-plugin-dts'
import { both, esmOnly, external } from '../rolldown.config.mjs'

const emitted = mkdtempSync(join(tmpdir(), 'declarations-'))
process.once('exit', () => rmSync(emitted, { recursive: true, force: true }))

const doorOf = (file) => basename(file, '.d.ts')
const isDoor = (file) => file === join(emitted, basename(file))

/**
 * `export type * from './index.js'` is left as it is. If it were bundled, the classes would be exported as values that
 * the entry point does not have.
 */
const handsOn = /^export type \* from '\.\/index\.js';$/m
const handingOn = new Set()
const allTypes = {
  name: 'all-types',
  transform: {
    order: 'pre',
    handler(code, id) {
      if (!isDoor(id) || !handsOn.test(code)) return null
      handingOn.add(doorOf(id))
      return code.replace(handsOn, '')
    },
  },
}

/** The bundler's comments on where a part comes from would contain the name of a temporary folder. */
const withoutOrigins = (code) => code.replaceAll(/^(?:\/\/#(?:end)?region.*|\/\/ .*\.d\.ts)\n/gm, '')

const finish = {
  name: 'finish',
  generateBundle(_, bundle) {
    for (const [fileName, chunk] of Object.entries(bundle)) {
      const isHandingOn = handingOn.has(doorOf(fileName))
      chunk.code = `${withoutOrigins(chunk.code).trim()}\n${isHandingOn ? "export type * from './index.js';\n" : ''}`
      if (!Object.hasOwn(both, doorOf(fileName)) && chunk.isEntry) continue
      const source = chunk.code.replaceAll(/(from ['"]\.[^'"]*)\.js(?=['"])/g, '$1.cjs')
      this.emitFile({ type: 'asset', fileName: fileName.replace(/\.ts$/, '.cts'), source })
      // One copy is enough: the declarations of an ES module may come from CommonJS.
      if (fileName === 'types.d.ts') chunk.code = "export * from './types.cjs'\n"
    }
  },
}

execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', emitted], {
  stdio: 'inherit',
})
const doors = Object.keys({ ...both, ...esmOnly })
const bundle = await rolldown({
  input: Object.fromEntries(doors.map((name) => [name, join(emitted, `${name}.d.ts`)])),
  external,
  checks: { pluginTimings: false },
  plugins: [allTypes, dts({ dtsInput: true, tsconfig: false }), finish],
})
await bundle.write({
  dir: 'dist',
  format: 'es',
  minifyInternalExports: false,
  chunkFileNames: '[name].ts',
  codeSplitting: { groups: [{ name: 'types.d', minShareCount: 2 }] },
})
await bundle.close()

const declarations = readdirSync('dist').filter((file) => file.endsWith('.d.ts'))
const unexpected = declarations.filter((file) => file !== 'types.d.ts' && !doors.includes(doorOf(file)))
if (unexpected.length > 0) throw new Error(`declarations of no door: ${unexpected.join(', ')}`)

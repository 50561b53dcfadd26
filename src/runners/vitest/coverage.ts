import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Vitest } from 'vitest/node'
import { escapeControls } from '../../base/escape.js'
import { onceAWorker } from '../../base/shelf.js'
import { shortPath } from '../../base/start-folder.js'
import { askForCoverage } from '../../command/coverage.js'
import { coverageVariable, outerVariable } from '../../command/coverage-names.js'
import { makeCoverageFolder, removeCoverageFolder } from '../../workspace/coverage-folder.js'
import { beforeCoverageReport, type CoverageProvider } from './patches.js'

// The coverage of commands in Vitest's own report. It is passed to Vitest in the way that a test file's coverage is.

/** The coverage that Node writes: the functions of each script, with offsets into its text. */
interface RawCoverage {
  readonly result: readonly { readonly url: string }[]
}

/**
 * No environment of Vitest has this name. So Vitest does not expect the script to have been transformed, and takes the
 * offsets as those of the file that Node read.
 */
const environment = 'proctor'

const current = (): { open: number } => onceAWorker('coverage.1', () => ({ open: 0 }))

/**
 * Collects the coverage that the commands of this run write, for Vitest's report. Returns a function that ends this.
 */
export function collectCoverage(vitest: Vitest): () => void {
  const provider = (vitest as unknown as { readonly coverageProvider?: CoverageProvider | null }).coverageProvider
  if (provider === null || provider === undefined || current().open > 0) return () => {}
  const why = refusal(provider, vitest.version)
  const folder = why === undefined ? prepare(provider, vitest.version) : undefined
  const { NODE_V8_COVERAGE: outer } = process.env
  current().open += 1
  process.env[coverageVariable] = folder ?? why
  if (outer && folder !== undefined) process.env[outerVariable] = outer
  return () => {
    current().open -= 1
    delete process.env[coverageVariable]
    delete process.env[outerVariable]
    if (folder !== undefined) removeCoverageFolder(folder)
  }
}

const majorOf = (version: string): number => Number.parseInt(version, 10)

/** The reason why the commands of a run cannot be part of its report, if there is one. */
function refusal({ name }: CoverageProvider, version: string): string | undefined {
  if (name !== 'v8') return `Vitest's coverage.provider is '${name}'. Accepted is 'v8'`
  if (majorOf(version) < 4)
    return `Vitest ${version} reports no files that it has not transformed. Accepted is Vitest 4 or 5`
  return undefined
}

function prepare(provider: CoverageProvider, version: string): string {
  const folder = makeCoverageFolder()
  beforeCoverageReport(provider, async () => {
    // The server of a whole run, or a command that may live on, has not written its coverage yet.
    await askForCoverage(folder)
    const files = rawFiles(folder)
    for (const path of files) shareWithOuter(path)
    const leftOut = files.flatMap((path) => handOver(provider, version, path))
    return () => {
      for (const path of files) rmSync(path, { force: true })
      sayLeftOut(leftOut)
    }
  })
  return folder
}

function rawFiles(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => /^coverage-.*\.json$/.test(name))
  return names.map((name) => join(folder, name))
}

/** If Vitest itself runs under NODE_V8_COVERAGE, as with c8, that report gets the commands too. */
function shareWithOuter(path: string): void {
  const outer = process.env[outerVariable]
  if (outer === undefined) return
  mkdirSync(outer, { recursive: true })
  copyFileSync(path, join(outer, basename(path)))
}

/** Passes the coverage that one process has written to Vitest. Returns the files that Vitest cannot report. */
function handOver(provider: CoverageProvider, version: string, path: string): string[] {
  const scripts = read(path).filter(({ url }) => isOfTheProject(url))
  const result = scripts.filter(({ url }) => !translated.test(url))
  const leftOut = scripts.filter((each) => !result.includes(each)).map(({ url }) => fileURLToPath(url))
  if (result.length === 0) return leftOut
  const coverage = majorOf(version) < 5 ? { result } : path
  // Vitest 5 reads the file itself.
  if (coverage === path) writeFileSync(path, JSON.stringify({ result }))
  provider.onAfterSuiteRun({ coverage, environment, projectName: '', testFiles: [path] })
  return leftOut
}

/** A process that was killed while it wrote has left half a file. */
function read(path: string): RawCoverage['result'] {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) as RawCoverage).result
  } catch {
    return []
  }
}

/** The offsets are into a text that a loader has made and nobody has kept. */
const translated = /\.(?:[cm]?ts|[tj]sx)$/

function sayLeftOut(files: readonly string[]): void {
  if (files.length === 0) return
  const names = [...new Set(files)].map((file) => escapeControls(shortPath(file)))
  process.stderr.write(
    `proctor: a loader has translated what commands ran of ${names.join(', ')}: not in the report.\n`,
  )
}

/** Whether a script is a file that may be reported. Vitest also applies its own patterns. */
function isOfTheProject(url: string): boolean {
  if (!url.startsWith('file://') || url.includes('/node_modules/')) return false
  return existsSync(fileURLToPath(url))
}

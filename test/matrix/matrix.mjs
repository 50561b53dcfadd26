// `npm run test:matrix` packs the package, installs it into temporary projects, and runs one consumer's suite under
// every runner with every Node that it supports, in every pool, and through every package manager. Prints a table.
// `--quick` takes this Node and the newest runners that it can run. Further arguments select rows by their names.
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cached, must, root, work } from './cells.mjs'
import { doorProjects } from './doors.mjs'
import { managedProjects, transformedProjects } from './installs.mjs'
import { Results } from './results.mjs'
import { allNodes, suiteProjects } from './suites.mjs'

const isQuick = process.argv.includes('--quick')
const words = process.argv.slice(2).filter((word) => !word.startsWith('--'))

/** How many cells and installations run at once: each spends most of its time waiting. */
const atOnce = 3

/** The folder of a Node binary, installed from npm. */
async function nodeFolder(version) {
  if (process.version.startsWith(`v${version}.`)) return dirname(process.execPath)
  const name = `node-${process.platform === 'darwin' ? 'darwin' : 'linux'}-${process.arch}`
  return dirname(await cached(`node-${version}`, `${name}@${version}`, `${name}/bin/node`))
}

const results = new Results()

/** A stopwatch in seconds. */
function stopwatch() {
  const startedAt = Date.now()
  return () => Math.round((Date.now() - startedAt) / 100) / 10
}

async function runCell({ row, column, run }, folder) {
  const seconds = stopwatch()
  try {
    results.note(row, column, await run(folder), seconds())
  } catch (error) {
    results.note(row, column, [error.message])
  }
}

/** Installs a project. Returns the cells that are to be run in it. */
async function begin({ install, cells }) {
  const seconds = stopwatch()
  try {
    const folder = await install()
    results.noteTime(`installed for ${[...new Set(cells.map(({ row }) => row))].join(', ')}`, seconds())
    return cells.map((cell) => () => runCell(cell, folder))
  } catch (error) {
    for (const { row, column } of cells) results.noteInstallation(row, column, error.message)
    return []
  }
}

/** The cells of one project come before the next project. Meanwhile, other projects are installed. */
async function runAll(projects) {
  const queue = projects.map((project) => async () => void queue.unshift(...(await begin(project))))
  const worker = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) await job()
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

await must('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', work], { cwd: root })
const tarball = join(
  work,
  readdirSync(work).find((name) => name.endsWith('.tgz')),
)
const nodes = {}
for (const version of isQuick ? [process.versions.node.split('.')[0]] : allNodes)
  nodes[version] = await nodeFolder(version)

const all = [
  ...suiteProjects(tarball, nodes, isQuick),
  ...(isQuick ? [] : [...doorProjects(tarball, nodes), ...transformedProjects(tarball, nodes)]),
  ...(isQuick ? [] : managedProjects(tarball, nodes)),
]
const isPicked = ({ row }) => words.length === 0 || words.some((word) => row.includes(word))
const picked = all
  .map((project) => ({ ...project, cells: project.cells.filter(isPicked) }))
  .filter(({ cells }) => cells.length > 0)
for (const { cells } of picked)
  for (const { row, column, isLeftOut = false } of cells) results.expect(row, column, isLeftOut)
await runAll(picked.map(({ cells, ...rest }) => ({ ...rest, cells: cells.filter(({ isLeftOut }) => !isLeftOut) })))
process.exitCode = results.print()

import { readdirSync } from 'node:fs'
import type { Socket } from 'node:net'
import { isAbsolute, join } from 'node:path'
import { builtFile } from '../base/built-file.js'
import { after } from '../base/clock.js'
import { ProctorError } from '../base/errors.js'
import { realProcess } from '../base/real-process.js'
import { coverageVariable, outerVariable, socketsVariable } from './coverage-names.js'

// Coverage of commands that are Node. Node writes coverage when it exits, but not when a signal ends it. So before a
// command is ended it is asked to write. A preload in each command answers, on a socket that does not keep the program
// alive.

/** ms that a command gets to write its coverage. A program whose event loop is busy does not answer. */
const answerTime = 2000

/**
 * The folder that the commands of this run write their coverage to, and listen in. Undefined if nobody collects coverage
 * for a report of the runner.
 *
 * @throws {ProctorError} if coverage is collected but commands cannot be part of it.
 */
export function coverageFolder(): string | undefined {
  const said = realProcess.env[coverageVariable]
  if (said === undefined || isAbsolute(said)) return said
  throw new ProctorError(`run: coverage: true is not to be had: ${said}.`)
}

/** Adds the variables that make a command write coverage. Those that the test has set itself stay. */
export function addCoverage(env: NodeJS.ProcessEnv, folder: string): void {
  const outer = realProcess.env[outerVariable]
  const isTheRuns = outer !== undefined && env['NODE_V8_COVERAGE'] === outer
  if (!('NODE_V8_COVERAGE' in env) || isTheRuns) env['NODE_V8_COVERAGE'] = folder
  if (!env['NODE_V8_COVERAGE']) return
  env[socketsVariable] = folder
  // This package's file and not a copy for the run: what outlives the run may still start programs, which load it.
  const preload = `--require ${JSON.stringify(builtFile('coverage-preload.cjs'))}`
  env['NODE_OPTIONS'] = `${env['NODE_OPTIONS'] ?? ''} ${preload}`.trim()
}

/** A function that makes the processes of a command write their coverage, if the command writes any. */
export function coverageWriter(
  folder: string | undefined,
  look: () => Promise<{ readonly members: readonly { readonly pid: number }[] }>,
): (() => Promise<void>) | undefined {
  if (folder === undefined) return undefined
  return async () => {
    const { members } = await look()
    await askForCoverage(
      folder,
      members.map(({ pid }) => pid),
    )
  }
}

/** Makes these processes, or all that write into the folder, write their coverage now, as far as they can. */
export async function askForCoverage(folder: string, pids?: readonly number[]): Promise<void> {
  const wanted = pids?.map(String)
  const answering = readdirSync(folder).filter((name) => /^\d+$/.test(name) && wanted?.includes(name) !== false)
  if (answering.length === 0) return
  // Imported only when there is somebody to ask: the import takes 5 ms.
  const { connect } = await import('node:net')
  await Promise.all(answering.map((name) => ended(connect(join(folder, name)))))
}

/**
 * Resolves when the program closes its end, which it does once it has written, or when nobody is there to connect to.
 */
function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const cancel = after(answerTime, () => socket.destroy())
    socket.on('error', () => {})
    socket.once('close', () => {
      cancel()
      resolve()
    })
    socket.resume()
  })
}

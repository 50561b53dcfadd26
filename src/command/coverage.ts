import { readdirSync } from 'node:fs'
import type { Socket } from 'node:net'
import { isAbsolute, join } from 'node:path'
import { builtFile } from '../base/built-file.js'
import { after } from '../base/clock.js'
import { ProctorError } from '../base/errors.js'
import { realProcess } from '../base/real-process.js'
import { coverageVariable, outerVariable, socketsVariable } from './coverage-names.js'

// Coverage of commands that are Node. Node writes it when it exits, and not when a signal ends it: so what is about to be
// ended is asked to write first. A preload in each command answers, at a socket that nothing of the program's waits for.

/** ms that a command gets to write its coverage: one whose event loop is busy does not answer. */
const answerTime = 2000

/**
 * The folder of this run: its commands write their coverage there, and listen at sockets in it. Undefined where nobody
 * collects it for a report of the runner's.
 *
 * @throws {ProctorError} when a report is made, and commands cannot be part of it.
 */
export function coverageFolder(): string | undefined {
  const said = realProcess.env[coverageVariable]
  if (said === undefined || isAbsolute(said)) return said
  throw new ProctorError(`run: coverage: true is not to be had: ${said}.`)
}

/** Adds to the environment of a command what makes it write coverage. What the test has asked for itself stays. */
export function addCoverage(env: NodeJS.ProcessEnv, folder: string): void {
  const outer = realProcess.env[outerVariable]
  const isTheRuns = outer !== undefined && env['NODE_V8_COVERAGE'] === outer
  if (!('NODE_V8_COVERAGE' in env) || isTheRuns) env['NODE_V8_COVERAGE'] = folder
  if (!env['NODE_V8_COVERAGE']) return
  env[socketsVariable] = folder
  // Of this package, and not of the run: what may outlive the run starts programs later on, and this has to be there.
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
  // Loaded when there is somebody to ask: it takes a worker 5 ms.
  const { connect } = await import('node:net')
  await Promise.all(answering.map((name) => ended(connect(join(folder, name)))))
}

/** A program closes its end once it has written, and the kernel refuses a connection to one that has gone. */
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

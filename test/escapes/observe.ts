import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { expect } from 'vitest'
import { Bystanders, OtherNamespace } from './bystanders.js'
import type { Ending, Escape, Level, Word } from './cases.js'
import { commandOf, givenPipe, programFile, setuidRoot, temporaryPath } from './programs.js'
import { type Answer, subjectElsewhere, subjectHere } from './subject.js'
import { endFor, type Identity, isLive, stateOf, until, untilIdentified } from './witness.js'

/**
 * Runs one escape to its end and says what was observed. Ends whatever is still alive afterwards.
 *
 * @param isLucky whether the escapee is found by luck only, so that the next look may miss it.
 */
export async function observe(escape: Escape, level: Level, ending: Ending, isLucky = false): Promise<string> {
  const folder = temporaryPath(escape.id)
  mkdirSync(folder)
  const pipe = givenPipe()
  const subject = await (escape.as === 'nobody' ? subjectElsewhere(level, 'nobody') : subjectHere(level, escape.files))
  const bystanders = await Bystanders.start(folder)
  const namespace = escape.otherNamespace === true ? await OtherNamespace.start() : undefined
  let escapee: Identity | undefined
  const isAlive = (): boolean => (escapee !== undefined && isLive(escapee)) || (escape.pipe && pipe.isHeld)
  try {
    const command = [...commandOf(escape.program), ...(escape.args ?? [])]
    const setuid: Record<string, string> = escape.setuid === undefined ? {} : { SETUID_ROOT: setuidRoot(escape.setuid) }
    const other: Record<string, string> =
      namespace === undefined ? {} : { OTHER_NAMESPACE: String(namespace.first.pid) }
    await subject.start(command, { ...other, WITNESS: pipe.path, SERVER: programFile('server.mjs'), ...setuid })
    const file = join(subject.workspace, 'escapee.pid')
    if (escape.hops === true) {
      await until(file, () => exists(file))
    } else {
      escapee = await untilIdentified(file)
    }
    if (escape.leader === 'exits') await subject.untilExit()
    const { state } = escape
    if (state !== undefined) await until(`state ${state}`, () => (stateOf(escapee!) === state ? true : undefined))
    // The witness must be able to tell: everything is alive now, except what has exited on purpose.
    if (state !== 'Z') expect(isAlive(), 'the escapee lives before it is ended').toBe(true)
    if (escape.pipe) expect(pipe.isHeld, 'somebody holds the pipe before the end').toBe(true)
    const port = escape.port === true ? Number(readFileSync(join(subject.workspace, 'port'), 'utf8')) : undefined
    if (port !== undefined) await expect(canConnect(port)).resolves.toBe(true)

    const answer = await subject.end(ending === 'kill' ? (escape.call ?? 'kill') : ending)
    const isAliveAfter = isAlive()
    const word = wordFor(answer, isAliveAfter, escape, escapee)
    if (ending === 'kill') {
      const afterwards = await subject.end('teardown')
      if (word === 'dead' || !isLucky) checkTeardownAfter(afterwards, word, isAlive, escape)
    }
    if (port !== undefined) await expect(canListen(port)).resolves.toBe(true)
    expect(bystanders.live, 'bystanders that live').toEqual(bystanders.each)
    if (namespace !== undefined) expect(isLive(namespace.first), 'the first process of the other namespace').toBe(true)
    return word
  } finally {
    writeFileSync(`${pipe.path}.stop`, '')
    if (escapee !== undefined) await endFor(escapee)
    if (escape.pipe) await until('the end of file of the pipe', () => (pipe.isHeld ? undefined : true), 12_000)
    await subject.close()
    // A refusal keeps the workspace.
    rmSync(subject.workspace, { recursive: true, force: true })
    await bystanders.end()
    await namespace?.end()
    pipe.close()
  }
}

/**
 * When kill() has proven the escapee dead, teardown() reports nothing. When kill() has refused, teardown() refuses too.
 */
function checkTeardownAfter(answer: Answer, word: string, isAlive: () => boolean, escape: Escape): void {
  if (word === 'dead') expect(`${answer.error}: ${answer.message}`).toBe('undefined: ')
  else if (word !== 'not found' && isAlive()) expect(answer.error, `teardown of ${escape.title}`).toBeDefined()
}

function wordFor(answer: Answer, isAlive: boolean, escape: Escape, escapee: Identity | undefined): string {
  const { error, message } = answer
  const passes =
    error === undefined || (escape.leader === 'exits' && ['AlreadyExitedError', 'UnexpectedExitError'].includes(error))
  if (passes) return isAlive ? 'not found' : 'dead'
  const isNoPermission = [...answer.survived, message].some((text) => /EPERM, uid 0/.test(text))
  if (isNoPermission) return 'refused: no permission (uid 0)'
  // The message reports what could not be proven even when it also reports a leak.
  if (message.includes('ContainmentError') || error === 'ContainmentError') {
    if (message.includes('holds its output open')) return 'refused: output held open'
  }
  const isRefused = /alive after SIGKILL|forks and exits faster than it can be signalled/.test(message)
  if (answer.survived.length > 0 || isRefused) return 'refused: alive after SIGKILL'
  const isBlamed = escapee === undefined ? answer.leaked.length > 0 : answer.leaked.includes(escapee.pid)
  if (error === 'LeakedProcessError' && isBlamed) return isAlive ? 'blamed, and alive' : 'dead, blamed'
  return `${error}: ${message}`
}

/** Folds results that differ from run to run into the one word that covers them all. */
export const foldInto = (expected: Word, observed: string): string =>
  expected === 'dead or refused' && /^(?:dead|refused)/.test(observed) ? expected : observed

const exists = (file: string): true | undefined => {
  try {
    readFileSync(file)
    return true
  } catch {
    return undefined
  }
}

const canConnect = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
    socket.unref().on('connect', () => socket.destroy())
  })

const canListen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer().on('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })

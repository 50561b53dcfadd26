import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { cleanEnvironment, inRoot } from '../inner-run.js'
import { makeFolder, removeFolder } from '../machine.js'
import { OtherNamespace } from './bystanders.js'
import type { Escape } from './cases.js'
import { commandOf, programFile, setuidRoot, temporaryPath } from './programs.js'
import { endFor, type Identity, isLive, Pipe, stateOf, until, untilIdentified } from './witness.js'

// What becomes of escapes whose worker is killed: all of them are its commands at once, as it costs a guardian for each
// to try them one by one.

/** An escape under way. */
interface Running {
  readonly escape: Escape
  readonly pipe: Pipe
  escapee: Identity | undefined
}

/** ms for all of them to begin, and for all to be dead: on a busy machine, and at once. */
const patience = 20_000

const isAlive = ({ escape, escapee, pipe }: Running): boolean =>
  (escapee !== undefined && isLive(escapee)) || (escape.pipe && pipe.isHeld)

/** Starts these in one worker, kills it, and says of each what became of it. */
export async function observeKilledWorker(escapes: readonly Escape[], as?: 'nobody'): Promise<Map<string, string>> {
  const temporary = makeFolder()
  // Another user runs some of them.
  chmodSync(temporary, 0o1777)
  const namespace = escapes.some(({ otherNamespace }) => otherNamespace) ? await OtherNamespace.start() : undefined
  const running = escapes.map((escape): Running => {
    const folder = temporaryPath(escape.id)
    mkdirSync(folder)
    return { escape, pipe: new Pipe(join(folder, 'pipe')), escapee: undefined }
  })
  const commands = running.map(({ escape, pipe }) => ({
    command: [...commandOf(escape.program), ...(escape.args ?? [])],
    env: {
      WITNESS: pipe.path,
      SERVER: programFile('server.mjs'),
      OTHER_NAMESPACE: String(namespace?.first.pid),
      ...(escape.setuid === undefined ? {} : { SETUID_ROOT: setuidRoot(escape.setuid) }),
    },
    files: escape.files,
    isAwaited: escape.leader === 'exits',
  }))
  const user = as === undefined ? [] : ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']
  const script = [process.execPath, inRoot('test/escapes/worker-to-kill.mjs'), JSON.stringify(commands)]
  const [program = '', ...args] = [...user, ...script]
  const worker = spawn(program, args, {
    env: { ...cleanEnvironment(), TMPDIR: temporary, HOME: '/' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const [line] = (await once(createInterface({ input: worker.stdout }), 'line')) as [string]
    const workspaces = JSON.parse(line) as string[]
    await Promise.all(running.map((each, index) => untilUnderWay(each, join(workspaces[index]!, 'escapee.pid'))))
    worker.kill('SIGKILL')
    const all = (): true | undefined => (running.some(isAlive) ? undefined : true)
    await until('their end', all, patience).catch(() => {})
    return new Map(running.map((each) => [each.escape.id, isAlive(each) ? 'lives on' : 'dead']))
  } finally {
    worker.kill('SIGKILL')
    for (const { escapee } of running) if (escapee !== undefined) await endFor(escapee)
    for (const { pipe } of running) pipe.close()
    await namespace?.end()
    await removeFolder(temporary)
  }
}

/** Until it is what the case is about, and can be told from what has ended. */
async function untilUnderWay(each: Running, file: string): Promise<void> {
  const { state, hops } = each.escape
  if (hops === true) await until(file, () => (existsSync(file) ? true : undefined), patience)
  else each.escapee = await untilIdentified(file, patience)
  if (state !== undefined) await until(`state ${state}`, () => (stateOf(each.escapee!) === state ? true : undefined))
  if (state !== 'Z' && !isAlive(each)) throw new Error(`${each.escape.title}: it is dead before the worker is`)
}

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { cleanEnvironment, forOthers, inRoot } from '../inner-run.js'
import { makeFolder, removeFolder } from '../machine.js'
import { environmentOf } from '../proc.js'
import { OtherNamespace } from './bystanders.js'
import type { Escape, NamespaceCase } from './cases.js'
import { startInNamespace } from './namespace.js'
import { commandOf, givenPipe, programFile, setuidRoot } from './programs.js'
import { endFor, type Identity, isLive, Pipe, stateOf, until, untilIdentified } from './witness.js'

// What becomes of escapes whose worker is killed. All of them are commands of one worker, because trying them one by
// one would need a guardian for each.

/** An escape under way. */
interface Running {
  readonly escape: Escape
  readonly pipe: Pipe
  escapee: Identity | undefined
}

/** ms for all of them to begin, and for all of them to be dead. They run at once, on a busy machine. */
const patience = 20_000

const isAlive = ({ escape, escapee, pipe }: Running): boolean =>
  (escapee !== undefined && isLive(escapee)) || (escape.pipe && pipe.isHeld)

/** What becomes of a process that the guardian may not signal. */
export const named = 'lives on, `proctor ps` names it'

/** Whether a worker's guardian is at work: some process has the worker's number in its environment. */
const isGuarded = (worker: number): boolean =>
  readdirSync('/proc').some(
    (pid) => /^\d+$/.test(pid) && environmentOf(Number(pid)).includes(`PROCTOR_WORKER=${worker} `),
  )

/** The process numbers that `proctor ps` lists for a temporary folder. */
function listed(user: readonly string[], temporary: string): ReadonlySet<number> {
  const command = [...user, process.execPath, forOthers(inRoot('dist/cli.cjs')), 'ps', '--json']
  const { stdout } = spawnSync(command[0]!, command.slice(1), {
    encoding: 'utf8',
    env: { ...cleanEnvironment(), TMPDIR: temporary, HOME: '/' },
  })
  const { processes } = JSON.parse(stdout) as { processes: readonly { pid: number }[] }
  return new Set(processes.map(({ pid }) => pid))
}

/** Starts these escapes in one worker, kills the worker, and says what became of each. */
export async function observeKilledWorker(escapes: readonly Escape[], as?: 'nobody'): Promise<Map<string, string>> {
  const temporary = makeFolder()
  // Another user runs some of them.
  chmodSync(temporary, 0o1777)
  const namespace = escapes.some(({ otherNamespace }) => otherNamespace) ? await OtherNamespace.start() : undefined
  const running = escapes.map((escape): Running => ({ escape, pipe: givenPipe(), escapee: undefined }))
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
  const script = [process.execPath, forOthers(inRoot('test/escapes/worker-to-kill.mjs')), JSON.stringify(commands)]
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
    const all = (): true | undefined => (running.some(isAlive) && isGuarded(worker.pid!) ? undefined : true)
    await until('their end, or the guardian’s', all, patience).catch(() => {})
    const alive = running.filter(isAlive)
    const pids = alive.length === 0 ? new Set<number>() : listed(user, temporary)
    const wordOf = (each: Running): string =>
      !alive.includes(each) ? 'dead' : pids.has(each.escapee?.pid ?? 0) ? named : 'lives on'
    return new Map(running.map((each) => [each.escape.id, wordOf(each)]))
  } finally {
    worker.kill('SIGKILL')
    for (const { escapee } of running) if (escapee !== undefined) await endFor(escapee)
    for (const { pipe } of running) pipe.close()
    await namespace?.end()
    await removeFolder(temporary)
  }
}

/**
 * Waits until the escapee is in the state that the case needs, and the pipe or its number can tell whether it lives.
 */
async function untilUnderWay(each: Running, file: string): Promise<void> {
  const { state, hops } = each.escape
  if (hops === true) await until(file, () => (existsSync(file) ? true : undefined), patience)
  else each.escapee = await untilIdentified(file, patience)
  if (state !== undefined) await until(`state ${state}`, () => (stateOf(each.escapee!) === state ? true : undefined))
  if (state !== 'Z' && !isAlive(each)) throw new Error(`${each.escape.title}: it is dead before the worker is`)
}

/**
 * Kills a worker in a pid namespace, or the first process of the namespace, and says what became of the processes
 * there.
 */
export async function observeInNamespaceOfKilled(scenario: NamespaceCase['scenario']): Promise<string> {
  const temporary = makeFolder()
  const pipe = new Pipe(join(temporary, 'pipe'))
  const program = startInNamespace(scenario, ['basic', 'guardian'], { TMPDIR: temporary, WITNESS: pipe.path })
  try {
    const [word] = (await once(createInterface({ input: program.stdout! }), 'line')) as [string]
    if (word !== 'up') return word
    // When its first process dies, a pid namespace ends, and the guardian with it.
    program.kill('SIGKILL')
    await until('the end of all of it', () => (pipe.isHeld ? undefined : true), patience)
    return 'dead'
  } finally {
    program.kill('SIGKILL')
    pipe.close()
    await removeFolder(temporary)
  }
}

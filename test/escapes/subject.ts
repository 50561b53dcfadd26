import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { createProctor, LeakedProcessError, type TeardownReport } from 'proctor'
import { cleanEnvironment, forOthers, inRoot } from '../inner-run.js'
import type { Ending, Level } from './cases.js'

/** The package's answer when it was asked to end a command. */
export interface Answer {
  /** The error's name, or `undefined` if there was none. */
  readonly error: string | undefined
  readonly message: string
  readonly leaked: readonly number[]
  readonly survived: readonly string[]
}

/** The package under test with one command in it: in this process, or in another user's. */
export interface Subject {
  readonly workspace: string
  start(command: readonly string[], environment: Readonly<Record<string, string>>): Promise<void>
  untilExit(): Promise<void>
  end(how: Ending | 'terminate'): Promise<Answer>
  close(): Promise<void>
}

/** Short times, so that leaks are found at once. */
export const options = { grace: 200, leakTimeout: 60 } as const

export async function answerOf(action: () => Promise<unknown>): Promise<Answer> {
  let error: Error | undefined
  try {
    await action()
  } catch (thrown) {
    error = thrown as Error
  }
  const commands = error instanceof LeakedProcessError ? (error.report as TeardownReport).commands : []
  return {
    error: error?.name,
    message: error?.message ?? '',
    leaked: commands.flatMap(({ leaked }) => leaked.map(({ pid }) => pid)),
    survived: commands.flatMap(({ survived }) => survived.map(({ outcome }) => outcome)),
  }
}

/** @throws {ContainmentError} if the level is not available. */
export async function subjectHere(level: Level, files: Readonly<Record<string, string>> = {}): Promise<Subject> {
  const proctor = await createProctor({ containment: level, ...options })
  await proctor.workspace.write(files)
  const command = () => proctor.processes[0]!
  return {
    workspace: proctor.workspace.path,
    async start([program = '', ...args], env) {
      proctor.run(program, args, { env })
    },
    async untilExit() {
      await command().waitForExit()
    },
    end(how) {
      return answerOf(() =>
        how === 'teardown' ? proctor.teardown() : how === 'kill' ? command().kill() : command().terminate(),
      )
    },
    async close() {
      await proctor.teardown().catch(() => {})
    },
  }
}

/**
 * The same as a script of its own, run by another user if one is named. It takes one line of input and answers with one
 * line of output.
 */
export async function subjectElsewhere(level: Level, user?: 'nobody'): Promise<Subject> {
  const identity = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']
  const script = [process.execPath, forOthers(inRoot('test/escapes/subject-elsewhere.mjs')), level]
  const [program = '', ...args] = user === undefined ? script : [...identity, ...script]
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...cleanEnvironment(), HOME: '/' },
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const read = async (): Promise<unknown> => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error('The script of the subject ended.')
    return JSON.parse(value as string)
  }
  const ask = (request: unknown): Promise<unknown> => {
    child.stdin.write(`${JSON.stringify(request)}\n`)
    return read()
  }
  const { workspace } = (await read()) as { workspace: string }
  return {
    workspace,
    async start(command, env) {
      await ask({ start: command, env })
    },
    async untilExit() {
      await ask({ wait: true })
    },
    end: (how) => ask({ end: how }) as Promise<Answer>,
    async close() {
      const exit = new Promise((resolve) => child.once('exit', resolve))
      child.stdin.end()
      await exit
    },
  }
}

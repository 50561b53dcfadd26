import { mkdtempSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { commandLines, hasExited, statOf } from './proc.js'

// What tests learn of the machine by themselves, without a line of the code under test.

/** Every process whose command line contains a text. Zombies are left out: they have no command line. */
export const findByCommandLine = (part: string): string[] =>
  commandLines()
    .map(({ pid, words }) => ({ pid, line: words.join(' ').trim() }))
    .filter(({ line }) => line.includes(part))
    .map(({ pid, line }) => `${pid} ${line}`)

/**
 * Ends what a test, or its failure, would leave, including what is started meanwhile. The text must be in no other
 * command line.
 */
export async function endByCommandLine(part: string): Promise<void> {
  for (let found = findByCommandLine(part); found.length > 0; found = findByCommandLine(part)) {
    for (const line of found) {
      try {
        process.kill(Number.parseInt(line, 10), 'SIGKILL')
      } catch {
        // It has ended since it was listed.
      }
    }
    await sleep(5)
  }
}

/** A number that stands in no other command line of this machine. */
export const uniqueNumber = (): string => String(1_000_000_000 + Math.floor(Math.random() * 1_000_000_000))

/** A new temporary folder for one test, for use as TMPDIR. */
export const makeFolder = (): string => realpathSync(mkdtempSync(join(tmpdir(), 'proctors-test-')))
/** Removes a folder. Tries again where a process that the test has just killed was still writing to it. */
export const removeFolder = (path: string): Promise<void> =>
  rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })

const namesIn = (folder: string): string[] => {
  try {
    return readdirSync(folder)
  } catch {
    return [] // Gone meanwhile.
  }
}

/** The workspaces that are left in a folder. */
export const workspacesIn = (folder: string): string[] =>
  namesIn(folder).filter((name) => /^(?:kept-)?proctor-(?!\d+$)/.test(name))

/** What is left in the folder of records and unfinished traces. */
export const recordsIn = (folder: string): string[] =>
  namesIn(folder)
    .filter((name) => /^proctor-\d+$/.test(name))
    .flatMap((name) => namesIn(join(folder, name)).map((each) => `${name}/${each}`))

/** Looks until `look` returns something, for at most `timeout` ms. The error then says what it found instead. */
export async function eventually<Value>(look: () => Value | undefined, what: string, timeout = 20_000): Promise<Value> {
  const deadline = performance.now() + timeout
  for (;;) {
    const begin = performance.now()
    const value = look()
    if (value !== undefined) return value
    const end = performance.now()
    if (end > deadline) throw new Error(`Not within ${timeout} ms: ${what}`)
    // A look at all processes takes processor time from those it waits for.
    await sleep(Math.min(100, Math.max(5, 3 * (end - begin))))
  }
}

/** What a file says, or nothing as long as it is not there. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Waits for a file with a number and a newline, and returns the number. */
export const numberIn = (file: string): Promise<number> =>
  eventually(() => {
    const text = textOf(file)
    return text.endsWith('\n') ? Number(text) : undefined
  }, `a number in ${file}`)

/**
 * ms within which everything must be gone after a fault. That is far more than what is promised, as machines are shared
 * and busy.
 */
export const promisedTime = 15_000

/** Waits until no process with this text in its command line is alive and the folder holds no workspace. */
export async function expectNothingLeft(part: string, folder: string, timeout = promisedTime): Promise<void> {
  const look = (): string[] => [...findByCommandLine(part), ...workspacesIn(folder), ...recordsIn(folder)]
  await eventually(() => (look().length === 0 ? true : undefined), `nothing left`, timeout).catch(() => {
    throw new Error(`Left after ${timeout} ms:\n${look().join('\n')}`)
  })
}

/** Whether a process exists and is no zombie. */
export const isRunning = (pid: number): boolean => !hasExited(statOf(pid))

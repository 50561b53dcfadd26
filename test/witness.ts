import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { afterAll, expect } from 'vitest'
import { hasExited, type Stat, statOf } from './proc.js'

// Looks at processes by itself, because what this package says of them is what is being tested.

/** A process, identified by its number and its start time. */
export type Witness = Pick<Stat, 'pid' | 'startTime'>

function look(pid: number): Stat | undefined {
  const found = process.platform === 'linux' ? statOf(pid) : askPs(pid)
  return hasExited(found) ? undefined : found
}

function askPs(pid: number): Stat | undefined {
  try {
    const line = execFileSync('ps', ['-o', 'state=,ppid=,pgid=,lstart=', '-p', String(pid)], { encoding: 'utf8' })
    const [state, parent, group, ...start] = line.trim().split(/\s+/)
    return { pid, state: state!, parent: Number(parent), group: Number(group), startTime: start.join(' ') }
  } catch {
    return undefined // ps reports a missing process by its exit code.
  }
}

/** Remembers a process that is alive now. */
export function witness(pid: number | undefined): Witness {
  const sight = pid === undefined ? undefined : look(pid)
  if (pid === undefined || sight === undefined) throw new Error(`There is no process ${pid} to remember.`)
  return { pid, startTime: sight.startTime }
}

/** Whether it is still alive. A zombie is not, and neither is a stranger that has its number. */
export const isStillAlive = ({ pid, startTime }: Witness): boolean => look(pid)?.startTime === startTime

/** The number of its current parent. */
export const parentOf = ({ pid }: Witness): number | undefined => look(pid)?.parent

/** Remembers processes of a file's tests. Each must be dead when all tests have ended. */
export function expectDeadInTheEnd(): (pid: number | undefined) => Witness {
  const seen: Witness[] = []
  afterAll(() => {
    expect(seen.filter(isStillAlive)).toEqual([])
  })
  return (pid) => {
    const one = witness(pid)
    seen.push(one)
    return one
  }
}

/** The number in a pid file. */
export const readPid = (file: string): number => Number(readFileSync(file, 'utf8'))

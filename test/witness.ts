import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { afterAll, expect } from 'vitest'

// Looks at processes by itself, because what this package says of them is what is being tested.

/** A process, identified by its number and its start time. */
export interface Witness {
  readonly pid: number
  readonly startedAt: string
}

interface Sight {
  readonly startedAt: string
  readonly ppid: number
}

function look(pid: number): Sight | undefined {
  const fields = process.platform === 'linux' ? readProc(pid) : askPs(pid)
  return fields === undefined || /^[ZX]/.test(fields.state) ? undefined : fields
}

/** proc(5): the name stands in parentheses and may contain anything. What follows it begins with the state. */
function readProc(pid: number): (Sight & { readonly state: string }) | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0]!, ppid: Number(fields[1]), startedAt: fields[19]! }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw error
  }
}

function askPs(pid: number): (Sight & { readonly state: string }) | undefined {
  try {
    const line = execFileSync('ps', ['-o', 'state=,ppid=,lstart=', '-p', String(pid)], { encoding: 'utf8' })
    const [state, ppid, ...start] = line.trim().split(/\s+/)
    return { state: state!, ppid: Number(ppid), startedAt: start.join(' ') }
  } catch {
    return undefined // ps reports a missing process by its exit code.
  }
}

/** Remembers a process that is alive now. */
export function witness(pid: number | undefined): Witness {
  const sight = pid === undefined ? undefined : look(pid)
  if (pid === undefined || sight === undefined) throw new Error(`There is no process ${pid} to remember.`)
  return { pid, startedAt: sight.startedAt }
}

/** Whether it is still alive. A zombie is not, and neither is a stranger that has its number. */
export const isStillAlive = ({ pid, startedAt }: Witness): boolean => look(pid)?.startedAt === startedAt

/** The number of its current parent. */
export const parentOf = ({ pid }: Witness): number | undefined => look(pid)?.ppid

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

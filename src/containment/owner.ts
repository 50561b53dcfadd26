import { readFileSync, readlinkSync } from 'node:fs'
import { randomBytes } from '../base/random.js'
import { table } from '../system/process-table/current.js'
import { isRunning } from '../system/process-table/holder.js'
import { foreignProc } from '../system/process-table/linux.js'
import type { ProcessIdentity } from '../system/process-table/table.js'

// The owner of something that outlives a process, written so that no other process can be mistaken for it.

/** 16 hexadecimal digits that nobody can guess. */
export const newToken = (): string => randomBytes(8).toString('hex')

/** A process, described so that no process of another container, boot or user can be mistaken for it. */
export interface Owner extends ProcessIdentity {
  /** The first eight digits of the boot id, or `0` if there is none. */
  readonly boot: string
  /** The inode of the pid namespace, or `0`. */
  readonly namespace: string
  readonly user: number
}

const attempt = (read: () => string): string => {
  try {
    return read()
  } catch {
    return '0' // No /proc: macOS.
  }
}

let place: Pick<Owner, 'boot' | 'namespace' | 'user'> | undefined

/**
 * This machine since its boot, this pid namespace, and this user. A different process table, with other start times,
 * counts as another place.
 */
export function thisPlace(): Pick<Owner, 'boot' | 'namespace' | 'user'> {
  const user = process.getuid?.() ?? 0
  place ??=
    table.name !== 'linux'
      ? { boot: '0', namespace: '0', user }
      : {
          boot: attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8)),
          namespace: attempt(() => /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0'),
          user,
        }
  return place
}

let self: Owner | undefined

/** This process as an owner. */
export function thisOwner(): Owner {
  self ??= { pid: process.pid, startTime: table.identify(process.pid)?.startTime ?? 0, ...thisPlace() }
  return self
}

export const formatOwner = ({ pid, startTime, boot, namespace, user }: Owner): string =>
  `${pid}-${startTime}-${boot}-${namespace}-${user}`

export function parseOwner(text: string): Owner | undefined {
  const match = /^(\d{1,10})-(\d{1,16})-([0-9a-f]{1,8})-(\d{1,12})-(\d{1,10})$/.exec(text)
  if (match === null) return undefined
  const [, pid, startTime, boot, namespace, user] = match
  return {
    pid: Number(pid),
    startTime: Number(startTime),
    boot: boot!,
    namespace: namespace!,
    user: Number(user),
  }
}

/** Whether an owner could be judged from here at all: same boot, same pid namespace, same user. */
export function isJudgedHere(owner: Owner): boolean {
  const here = thisPlace()
  if (foreignProc() !== undefined) return false
  return owner.boot === here.boot && owner.namespace === here.namespace && owner.user === here.user
}

/** Whether the owner's process has gone. It is only looked at, never signalled. */
export const isOwnerDead = (owner: Owner): boolean => !isRunning(owner)

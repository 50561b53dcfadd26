import { readdirSync, readlinkSync } from 'node:fs'

// /proc/PID/fd shows what each descriptor of a process is: see proc(5). Both ends of a pipe are `pipe:[INODE]`.

/** The target of each descriptor of a process. Empty if they cannot be read, or on another platform. */
export function descriptorsOf(pid: number | 'self'): ReadonlyMap<number, string> {
  const folder = `/proc/${pid}/fd`
  return new Map(attempt(() => readdirSync(folder), []).map((name) => [Number(name), targetOf(`${folder}/${name}`)]))
}

const targetOf = (path: string): string => attempt(() => readlinkSync(path), '')

/** Processes come and go in between, and some may not be looked at. */
function attempt<Value>(look: () => Value, otherwise: Value): Value {
  try {
    return look()
  } catch {
    return otherwise
  }
}

/** The descriptors by which a process holds any of these pipes and sockets. */
export function heldBy(pid: number, streams: ReadonlySet<string>): number[] {
  if (streams.size === 0) return []
  return [...descriptorsOf(pid)].flatMap(([descriptor, target]) => (streams.has(target) ? [descriptor] : []))
}

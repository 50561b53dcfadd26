import { isMainThread } from 'node:worker_threads'
import type { SpawnError } from '../../base/errors.js'
import { runtime } from '../../base/runtime.js'
import { nativeCalls, posixSpawn } from '../../system/posix-spawn.js'
import type { Transport } from '../transport.js'
import { openFifo } from './fifo.js'
import { startNatively } from './native.js'
import { preparePortableStart, startPortably } from './portable.js'
import type { SpawnRequest } from './request.js'
import { startBelowParent } from './throw-away.js'
import type { OpenPipe } from './standard-pipes.js'

// The only way to start a program.

/** Loads what the first start needs, once. */
export async function prepareSpawn(): Promise<void> {
  if (nativeCalls() === undefined) await preparePortableStart()
}

/**
 * Makes a pipe, if that is possible. On Linux, opening /dev/stdin opens the file behind it once more. With a pipe of
 * mkfifo(1) that would wait for a writer, who may have closed the input long ago.
 */
const openPipe: OpenPipe = (stream) => {
  const available = posixSpawn()
  if (available !== undefined) return available.pipe()
  // Bun only reads from pipes that it has opened itself, and Deno passes none on to a child.
  if (runtime !== 'Node') return undefined
  return stream === 0 && process.platform === 'linux' ? undefined : openFifo()
}

/**
 * Starts a program as the leader of its own session and group, with pipes as its standard streams.
 *
 * @returns the running program, or a promise of the reason why it could not be started.
 */
export function start(request: SpawnRequest): Transport | Promise<SpawnError> {
  if (request.hasOwnParent === true) return startBelowParent(request, openPipe, isMainThread ? posixSpawn() : undefined)
  const native = nativeCalls()
  if (native === undefined) return startPortably(request, openPipe)
  const started = startNatively(native, request)
  return started instanceof Error ? Promise.resolve(started) : started
}

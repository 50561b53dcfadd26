import childProcess from 'node:child_process'

// Jest renews the global object, `process` and every module for each test file, and a test may load both builds of this
// package. The objects of Node's core modules stay, one in each worker: what there is once in a worker is kept on one.

const shelf = childProcess as unknown as Record<symbol, unknown>

/** What goes by this name in this worker; made when it is first asked for. A name ends with its version. */
export function onceAWorker<Thing extends object>(name: string, make: () => Thing): Thing {
  const key = Symbol.for(`proctor.${name}`)
  return (shelf[key] ??= make()) as Thing
}

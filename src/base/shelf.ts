import childProcess from 'node:child_process'

// For each test file, Jest makes a new global object, `process` and modules, and a test may load both builds of this
// package. Only the objects of Node's core modules stay the same in a worker. So they hold what exists once a worker.

const shelf = childProcess as unknown as Record<symbol, unknown>

/** The thing of this name in this worker, made when it is first asked for. A name ends with its version. */
export function onceAWorker<Thing extends object>(name: string, make: () => Thing): Thing {
  const key = Symbol.for(`proctor.${name}`)
  return (shelf[key] ??= make()) as Thing
}

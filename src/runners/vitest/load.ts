import type * as Provide from './provide.js'

// Imports what `proctor/vitest` needs once a test asks for a fixture or calls a matcher. A worker that runs no command
// does without it, and takes a tenth of the time to import `proctor/vitest`.

export type Loaded = typeof Provide

let loaded: Loaded | undefined

export const load = async (): Promise<Loaded> => (loaded ??= await import('./provide.js'))

/**
 * Calls a function with the loaded module. If the module is loaded the call happens at once: a test may depend on when
 * a matcher looks.
 */
export const whenLoaded = <Result>(call: (loaded: Loaded) => Promise<Result>): Promise<Result> =>
  loaded === undefined ? load().then(call) : call(loaded)

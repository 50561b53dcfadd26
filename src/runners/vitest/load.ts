import type * as Provide from './provide.js'

// What `proctor/vitest` needs once a test asks for a fixture or calls a matcher, and all that is below it. A worker that
// runs no command does without, and imports `proctor/vitest` in a tenth of the time.

export type Loaded = typeof Provide

let loaded: Loaded | undefined

export const load = async (): Promise<Loaded> => (loaded ??= await import('./provide.js'))

/** Calls with what is loaded: at once where it is, as what a test calls in time must be called in time. */
export const whenLoaded = <Result>(call: (loaded: Loaded) => Promise<Result>): Promise<Result> =>
  loaded === undefined ? load().then(call) : call(loaded)

import type { GuardOptions } from '../../guard/options.js'
import { received } from '../carried.js'
import { watchThreads } from '../run.js'

// Jest runs files in worker threads with `workerThreads: true`. A reporter learns the options of projects only at the end
// of the run.

interface WithGlobals {
  readonly globals?: { readonly proctorGuard?: GuardOptions } | undefined
}

/** Looks at the end of the run for what the threads leave, if Jest uses them. */
export function watchJestThreads(globalConfig: object | undefined, projects: readonly WithGlobals[] = []): void {
  if ((globalConfig as { workerThreads?: unknown } | undefined)?.workerThreads !== true) return
  watchThreads(...projects.map(({ globals }) => received(globals?.proctorGuard)))
}

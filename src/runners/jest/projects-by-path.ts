import { realpathSync } from 'node:fs'
import type { ProctorOptions } from '../../fixture/options.js'
import type { GuardOptions } from '../../guard/options.js'

// `withProctor` cannot see into a project that is given by its path: Jest reads that configuration itself. Before Jest
// starts a test file it tells the reporters, with the file's configuration. What it hands to the worker afterwards is that
// same object.

/** What `withProctor` adds to each project. */
export interface ProjectExtension {
  /** The path of the guard. */
  readonly path: string
  readonly guard: GuardOptions | undefined
  readonly options: ProctorOptions
}

/** What Jest tells of a test file that is about to start. */
export interface StartingFile {
  readonly context: { readonly config: ProjectConfig }
}

interface ProjectConfig {
  readonly setupFilesAfterEnv: string[]
  readonly globals: Record<string, unknown>
}

/** Jest's `globals` of a project carry the options. What the project has of its own stays. */
export const extendedGlobals = (
  own: Readonly<Record<string, unknown>> | undefined,
  { guard, options }: ProjectExtension,
): Record<string, unknown> => ({ proctorGuard: guard ?? {}, proctorOptions: options, ...own })

/** Adds the guard and the options to a project, unless its own `withProctor` has decided about them. */
export function extendProject({ setupFilesAfterEnv, globals }: ProjectConfig, extension: ProjectExtension): void {
  if ('proctorGuard' in globals) return
  Object.assign(globals, extendedGlobals(globals, extension))
  const { path, guard } = extension
  const isThere = setupFilesAfterEnv.some((each) => realpathSync(each) === realpathSync(path))
  if (guard !== undefined && !isThere) setupFilesAfterEnv.unshift(path)
}

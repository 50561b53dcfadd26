import { fileURLToPath } from 'node:url'
import { checkOptions, flag, isObject, type Rules } from '../../base/check.js'
import { type ProctorOptions, proctorRules } from '../../fixture/options.js'
import { type GuardOptions, guardRules } from '../../guard/options.js'
import { carry } from '../carried.js'

/** Options of `withProctor`. */
export interface WithProctorOptions {
  /** Guards every test file: `true` (default), its options, or `false`. */
  guard?: boolean | GuardOptions
  /** The sweep at the end of the run. Default `true`. */
  sweep?: boolean
  /** Options of every fixture of `useProctor`, below its own. */
  options?: ProctorOptions
}

const rules: Rules<WithProctorOptions> = {
  guard: {
    accepts: 'true, false or options of the guard',
    test: (value) => typeof value === 'boolean' || isObject(value),
  },
  sweep: flag,
  options: { accepts: 'options of a fixture', test: isObject },
}

/** What of a configuration is read and added to here. */
interface JestConfig {
  readonly setupFilesAfterEnv?: string[]
  readonly reporters?: unknown[]
  readonly globals?: Record<string, unknown>
  readonly projects?: unknown[]
}

/** An entry point of this package, wherever it is installed. Jest requires it. */
const door = (name: string): string => fileURLToPath(new URL(`./${name}.cjs`, import.meta.url))

interface Plan {
  readonly guard: GuardOptions | undefined
  readonly hasSweep: boolean
  readonly options: ProctorOptions
}

function planOf(given: WithProctorOptions): Plan {
  checkOptions('withProctor', given, rules)
  const { guard = true, sweep = true, options = {} } = given
  const guardOptions = guard === true ? {} : guard === false ? undefined : guard
  checkOptions('withProctor: guard', guardOptions, guardRules)
  checkOptions('withProctor: options', options, proctorRules)
  return { guard: guardOptions && carry(guardOptions), hasSweep: sweep, options: carry(options) }
}

const without = (list: readonly string[] | undefined, entry: string): string[] =>
  (list ?? []).filter((each) => each !== entry)

/** What each project has of its own. */
function extendedProject(project: unknown, { guard, options }: Plan): unknown {
  // The path of another configuration.
  if (typeof project !== 'object' || project === null) return project
  const config = project as JestConfig
  const path = door('jest-guard')
  return {
    ...config,
    ...(guard === undefined ? {} : { setupFilesAfterEnv: [path, ...without(config.setupFilesAfterEnv, path)] }),
    globals: { proctorGuard: guard ?? {}, proctorOptions: options, ...config.globals },
  }
}

function extended(config: JestConfig, plan: Plan): JestConfig {
  const { reporters = ['default'], projects } = config
  return {
    ...(projects === undefined
      ? (extendedProject(config, plan) as JestConfig)
      : { ...config, projects: projects.map((each) => extendedProject(each, plan)) }),
    // A reporter stands beside others; a global set-up would take the place of the user's.
    ...(plan.hasSweep ? { reporters: [...reporters, door('jest-reporter')] } : {}),
  }
}

/** A configuration, or a function that makes one. */
type Given<Config> = Config | ((...parameters: never[]) => Config | Promise<Config>)

/**
 * Adds the guard, the sweep at the end of the run and options to a Jest configuration, beside what it has.
 *
 * @throws {TypeError} on an option that is unknown or of the wrong type.
 * @example
 * module.exports = withProctor({ testEnvironment: 'node' }, { guard: { allow: [/gradle/] } })
 */
export function withProctor<Config extends object>(
  config: Given<Config>,
  options: WithProctorOptions = {},
): Given<Config> {
  const plan = planOf(options)
  const extend = (each: Config): Config => extended(each, plan) as Config
  if (typeof config !== 'function') return extend(config)
  return async (...parameters: never[]) =>
    extend(await (config as (...all: never[]) => Config | Promise<Config>)(...parameters))
}

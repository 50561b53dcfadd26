import { fileURLToPath } from 'node:url'
import { checkOptions, flag, isObject, type Rules } from '../../base/check.js'
import { type ProctorOptions, proctorRules } from '../../fixture/options.js'
import { type GuardOptions, guardRules } from '../../guard/options.js'
import { carry } from '../carried.js'
import { extendedGlobals, type ProjectExtension } from './projects-by-path.js'
import type { ReporterOptions } from './reporter.js'

/** Options of `withProctor`. */
export interface WithProctorOptions {
  /** Guard every test file: `true` (default), options of the guard, or `false`. */
  guard?: boolean | GuardOptions
  /** Sweep the machine at the end of the run. Default `true`. */
  sweep?: boolean
  /** Options of every fixture of `useProctor`. The fixture's own options take precedence. */
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

/** The parts of a configuration that are read and extended here. */
interface JestConfig {
  readonly setupFilesAfterEnv?: string[]
  readonly reporters?: unknown[]
  readonly globals?: Record<string, unknown>
  readonly projects?: unknown[]
}

/** The path of an entry point of this package, for Jest to require. */
const door = (name: string): string => fileURLToPath(new URL(`./${name}.cjs`, import.meta.url))

interface Plan extends ProjectExtension {
  readonly hasSweep: boolean
}

function planOf(given: WithProctorOptions): Plan {
  checkOptions('withProctor', given, rules)
  const { guard = true, sweep = true, options = {} } = given
  const guardOptions = guard === true ? {} : guard === false ? undefined : guard
  checkOptions('withProctor: guard', guardOptions, guardRules)
  checkOptions('withProctor: options', options, proctorRules)
  const carried = { guard: guardOptions && carry(guardOptions), options: carry(options) }
  return { path: door('jest-guard'), ...carried, hasSweep: sweep }
}

const without = (list: readonly string[] | undefined, entry: string): string[] =>
  (list ?? []).filter((each) => each !== entry)

/** The settings that each project has of its own. */
function extendedProject(project: unknown, plan: Plan): unknown {
  // It is the path of another configuration, which the reporter extends.
  if (typeof project !== 'object' || project === null) return project
  const config = project as JestConfig
  const { path, guard } = plan
  return {
    ...config,
    ...(guard === undefined ? {} : { setupFilesAfterEnv: [path, ...without(config.setupFilesAfterEnv, path)] }),
    globals: extendedGlobals(config.globals, plan),
  }
}

/** What the reporter is to do besides, if anything. */
function reporterOptions(projects: readonly unknown[], { hasSweep, ...extension }: Plan): ReporterOptions | undefined {
  if (!projects.some((each) => typeof each === 'string')) return undefined
  return { sweep: hasSweep, projects: extension }
}

function extended(config: JestConfig, plan: Plan): JestConfig {
  const { reporters = ['default'], projects } = config
  const more = reporterOptions(projects ?? [], plan)
  const reporter = more === undefined ? door('jest-reporter') : [door('jest-reporter'), more]
  return {
    ...(projects === undefined
      ? (extendedProject(config, plan) as JestConfig)
      : { ...config, projects: projects.map((each) => extendedProject(each, plan)) }),
    // A reporter can be added beside others. A global set-up would replace the user's.
    ...(plan.hasSweep || more !== undefined ? { reporters: [...reporters, reporter] } : {}),
  }
}

/** A configuration, or a function that returns one. */
type Given<Config> = Config | ((...parameters: never[]) => Config | Promise<Config>)

/**
 * Adds the guard, the sweep at the end of the run, and options to a Jest configuration. What the configuration already
 * has stays.
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

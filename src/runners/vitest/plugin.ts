import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vitest/config'
import { checkOptions, flag, isObject, type Rules } from '../../base/check.js'
import { type ProctorOptions, proctorRules } from '../../fixture/options.js'
import { type GuardOptions, guardRules } from '../../guard/options.js'
import { carry } from '../carried.js'

/** Options of the plugin. */
export interface ProctorPluginOptions {
  /** Guard every test file: `true` (default), options of the guard, or `false`. */
  guard?: boolean | GuardOptions
  /** Sweep at the end of the run, and have strict containment in worker threads. Default `true`. */
  globalSetup?: boolean
  /** Print one line at the end of a run that has started commands. Default `true`. */
  reporter?: boolean
  /** Options of every fixture. */
  options?: ProctorOptions
}

const rules: Rules<ProctorPluginOptions> = {
  guard: {
    accepts: 'true, false or options of the guard',
    test: (value) => typeof value === 'boolean' || isObject(value),
  },
  globalSetup: flag,
  reporter: flag,
  options: { accepts: 'options of a fixture', test: isObject },
}

/** The path of an entry point of this package. It is absolute, so that projects in other folders find it too. */
const door = (name: string): string => fileURLToPath(new URL(`./${name}.js`, import.meta.url))

/** The parts of a user's configuration that are read here. */
interface TestConfig {
  setupFiles?: string | string[]
  globalSetup?: string | string[]
  provide?: Record<string, unknown>
  projects?: unknown[]
}

interface ProjectConfig {
  plugins?: unknown[]
  test?: TestConfig
}

const name = 'proctor'

const listOf = (value: string | string[] | undefined): string[] => (value === undefined ? [] : [value].flat())

const withFirst = (first: string, rest: string | string[] | undefined): string[] => [
  first,
  ...listOf(rest).filter((each) => each !== first),
]

/** The reporters for people. If all reporters are for machines, a further line would spoil their output. */
const forPeople = new Set(['default', 'verbose', 'dot', 'tree', 'basic', 'agent', 'minimal', 'github-actions'])

function addReporter(reporters: unknown[]): void {
  const path = door('vitest-reporter')
  const names = reporters.map((each): unknown => (Array.isArray(each) ? each[0] : each))
  if (names.includes(path) || names.includes('proctor/vitest/reporter')) return
  if (names.some((each) => forPeople.has(each as string))) reporters.push([path, {}])
}

interface Plan {
  readonly guard: GuardOptions | undefined
  readonly hasGlobalSetup: boolean
  readonly options: ProctorOptions
}

/** The user's configuration extended by the plan. What the user provides takes precedence. */
function extended(test: TestConfig, plan: Plan): TestConfig {
  const { guard, hasGlobalSetup, options } = plan
  const provide: Record<string, unknown> = { ...test.provide }
  for (const [key, own] of Object.entries({ proctorGuard: guard ?? {}, proctorOptions: options })) {
    const users = (provide[key] ?? {}) as WithAllow
    provide[key] = { ...own, ...users, allow: union((own as WithAllow).allow, users.allow) }
  }
  return {
    ...test,
    // It comes first, so that its hooks are around those of every other setup file.
    ...(guard === undefined ? {} : { setupFiles: withFirst(door('vitest-guard'), test.setupFiles) }),
    ...(hasGlobalSetup ? { globalSetup: withFirst(door('vitest-global-setup'), test.globalSetup) } : {}),
    provide,
    ...(test.projects === undefined ? {} : { projects: test.projects.map((each) => extendedProject(each, plan)) }),
  }
}

interface WithAllow {
  readonly allow?: readonly unknown[]
}

/** A project may have inherited some of these from the root. */
function union(...lists: readonly (readonly unknown[] | undefined)[]): unknown[] {
  const all = lists.flatMap((list) => list ?? [])
  return [...new Map(all.map((entry) => [JSON.stringify(entry), entry])).values()]
}

/**
 * Extends a project that is written in the configuration itself. Before Vitest 5, the root's plugins are not applied to
 * it. In Vitest 5, they are not if it shares the root's server.
 */
function extendedProject(project: unknown, plan: Plan): unknown {
  if (typeof project === 'function') {
    return async (...parameters: unknown[]) =>
      extendedProject(await (project as (...all: unknown[]) => unknown)(...parameters), plan)
  }
  if (typeof project !== 'object' || project === null) return project
  if (project instanceof Promise) return project.then((each: unknown) => extendedProject(each, plan))
  const config = project as ProjectConfig
  const plugins = (config.plugins ?? []).flat(Infinity) as ({ name?: string } | undefined)[]
  if (plugins.some((each) => each?.name === name)) return project
  return { ...config, test: extended(config.test ?? {}, plan) }
}

function planOf(options: ProctorPluginOptions): Plan {
  checkOptions('proctor', options, rules)
  const { guard = true, globalSetup = true, options: fixture = {} } = options
  const guardOptions = guard === true ? {} : guard === false ? undefined : guard
  checkOptions('proctor: guard', guardOptions, guardRules)
  checkOptions('proctor: options', fixture, proctorRules)
  return {
    guard: guardOptions && carry(guardOptions),
    hasGlobalSetup: globalSetup,
    options: carry(fixture),
  }
}

/**
 * Sets everything up in one line: the guard, the global set-up, the reporter, and options. What the configuration
 * already has stays.
 *
 * @throws {TypeError} on an option that is unknown or of the wrong type.
 * @example
 * export default defineConfig({ plugins: [proctor({ guard: { allow: [/gradle/] } })] })
 */
export function proctor(options: ProctorPluginOptions = {}): Plugin {
  const plan = planOf(options)
  return {
    name,
    config(config: object) {
      const own = config as { test?: TestConfig }
      own.test = extended(own.test ?? {}, plan)
    },
    configureVitest({ vitest }: { vitest: { config: { reporters: unknown[] } } }) {
      if (options.reporter !== false) addReporter(vitest.config.reporters)
    },
  } as Plugin
}

/** What of the runner's own variables a command does not get. */
const isRunnersOwn = (name: string): boolean =>
  name.startsWith('VITEST') ||
  name === 'PROCTOR_THREADS' ||
  name === 'JEST_WORKER_ID' ||
  name === 'FORCE_TTY' ||
  name.startsWith('PROCTOR_OUTSIDE_')

/** What Vitest puts into a worker's environment besides, with the values that it puts there. */
const vitestsOwn: Readonly<Record<string, string>> = { TEST: 'true', DEV: '1', PROD: '', MODE: 'test', BASE_URL: '/' }

/** The base of every command's environment: the worker's own, less what the runner put there. */
export const inheritedEnvironment = (): NodeJS.ProcessEnv => lessRunnersOwn(process.env)

/**
 * What somebody has asked for in an environment: all of it, unless it is a copy of this process's own, such as
 * `{ ...process.env, PORT: '3000' }`, which brings along what is the runner's.
 */
export function askedFor(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const path = environment['PATH']
  const isCopy = path !== undefined && path === process.env['PATH']
  const hasMark = Object.keys(environment).some((name) => name.startsWith('PROCTOR_OUTSIDE_'))
  return isCopy || hasMark ? lessRunnersOwn(environment) : environment
}

/** An environment less what the runner, or this package, put there. */
export function lessRunnersOwn(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isInVitest = process.env['VITEST'] !== undefined
  const isVitests = (name: string, value: string | undefined): boolean =>
    name === 'SSR' || (Object.hasOwn(vitestsOwn, name) && vitestsOwn[name] === value)
  const rest: NodeJS.ProcessEnv = {}
  // Of process.env each name and each value is a call into the system: they are asked for once.
  for (const name of Object.keys(environment)) {
    if (isRunnersOwn(name)) continue
    const value = environment[name]
    if (!(isInVitest && isVitests(name, value))) rest[name] = value
  }
  return rest
}

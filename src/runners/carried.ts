// Carries options from a configuration to the tests. Vitest's `provide` and Jest's `globals` carry only plain data: a
// regular expression arrives as `{}`.

interface CarriedPattern {
  readonly pattern: string
  readonly flags: string
}

interface WithPatterns {
  readonly allow?: readonly unknown[] | undefined
}

const isCarried = (entry: unknown): entry is CarriedPattern =>
  typeof entry === 'object' && entry !== null && typeof (entry as CarriedPattern).pattern === 'string'

/** Turns options into plain data. */
export function carry<Options extends object>(options: Options): Options {
  const { allow } = options as WithPatterns
  if (allow === undefined) return options
  const carried = allow.map((entry) =>
    entry instanceof RegExp ? { pattern: entry.source, flags: entry.flags } : entry,
  )
  return { ...options, allow: carried }
}

/** Restores options that `carry` has turned into plain data. */
export function received<Options extends object | undefined>(options: Options): Options {
  const { allow } = (options ?? {}) as WithPatterns
  if (!Array.isArray(allow)) return options
  const patterns = allow.map((entry: unknown) => (isCarried(entry) ? new RegExp(entry.pattern, entry.flags) : entry))
  return { ...options, allow: patterns }
}

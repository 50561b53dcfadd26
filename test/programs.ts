import { fileURLToPath } from 'node:url'

/** The folder of the small programs that stories are told with. */
export const programs = fileURLToPath(new URL('../fixtures/programs', import.meta.url))

/** One of them, where it lies: for those that look for the package itself. */
export const program = (name: string): string => `${programs}/${name}`

import { fileURLToPath } from 'node:url'

/** The folder of the small programs that the stories use. */
export const programs = fileURLToPath(new URL('../fixtures/programs', import.meta.url))

/** The path of one of them, for programs that find the package from where they lie. */
export const program = (name: string): string => `${programs}/${name}`

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A file of the build: beside this code once that is built. The sources, of which unit tests are, have it in `dist`. */
export function builtFile(name: string): string {
  const beside = fileURLToPath(new URL(`./${name}`, import.meta.url))
  return existsSync(beside) ? beside : fileURLToPath(new URL(`../../dist/${name}`, import.meta.url))
}

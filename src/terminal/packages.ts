import { createRequire } from 'node:module'
import { join } from 'node:path'
import { MissingDependencyError } from '../base/errors.js'
import { startFolder } from '../base/start-folder.js'

// What a terminal is made of is the user's to install: it is looked for from the user's project first, and from here,
// where an installer may have put it beside this package.

const packages = ['@lydell/node-pty', '@xterm/headless'] as const
const install = `npm install --save-dev ${packages.join(' ')}`

const isMissing = (error: unknown, name: string): boolean =>
  (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND' && (error as Error).message.includes(`'${name}'`)

/**
 * Loads one of the packages that a terminal needs.
 *
 * @throws {MissingDependencyError} that says how they are installed.
 */
export function loadTerminalPackage<Package>(name: (typeof packages)[number]): Package {
  let reason = 'it is not installed'
  for (const origin of [join(startFolder, 'package.json'), import.meta.url]) {
    try {
      return createRequire(origin)(name) as Package
    } catch (error) {
      // A package that is there and broken is worth more of a message than one that is missing elsewhere.
      if (!isMissing(error, name)) reason = `it cannot be loaded (${(error as Error).message.split('\n')[0]})`
    }
  }
  throw new MissingDependencyError(
    `A command in a terminal needs the package ${name}, and ${reason}. Install it: ${install}`,
    { packageName: name, install },
  )
}

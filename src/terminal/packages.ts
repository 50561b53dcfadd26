import { createRequire } from 'node:module'
import { join } from 'node:path'
import { MissingDependencyError } from '../base/errors.js'
import { startFolder } from '../base/start-folder.js'

// The user installs the packages that a terminal needs. They are looked up from the user's project first, then from
// this package, because an installer may have put them beside it.

const packages = ['@lydell/node-pty', '@xterm/headless'] as const
const install = `npm install --save-dev ${packages.join(' ')}`

const isMissing = (error: unknown, name: string): boolean =>
  (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND' && (error as Error).message.includes(`'${name}'`)

/**
 * Loads one of the packages that a terminal needs.
 *
 * @throws {MissingDependencyError} whose message says how to install them.
 */
export function loadTerminalPackage<Package>(name: (typeof packages)[number]): Package {
  let reason = 'it is not installed'
  for (const origin of [join(startFolder, 'package.json'), import.meta.url]) {
    try {
      return createRequire(origin)(name) as Package
    } catch (error) {
      // A package that is installed but broken is more worth reporting than one that is missing in the other place.
      if (!isMissing(error, name)) reason = `it cannot be loaded (${(error as Error).message.split('\n')[0]})`
    }
  }
  throw new MissingDependencyError(
    `A command in a terminal needs the package ${name}, and ${reason}. Install it: ${install}`,
    { packageName: name, install },
  )
}

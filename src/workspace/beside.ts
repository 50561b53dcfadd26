import { readdirSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'

// What a message says about the folder in which a file was expected.

/** How many names a message shows. */
const mostNames = 20
/** How many subfolders are searched. */
const mostFolders = 50

const show = (names: readonly string[]): string => {
  const more = names.length > mostNames ? `, … and ${names.length - mostNames} more` : ''
  return `${names.slice(0, mostNames).join(', ')}${more}`
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted()
  } catch {
    return []
  }
}

/** A path with the same name one folder down, or with slashes instead of backslashes. */
function meantBy(file: string): string | undefined {
  const folder = dirname(file)
  const names = namesIn(folder)
  const below = names.slice(0, mostFolders).find((name) => namesIn(join(folder, name)).includes(basename(file)))
  return below && `There is one in ${relative(folder, join(folder, below, basename(file)))}: was that meant?`
}

/** A file whose name contains backslashes where a path was meant, in the folder or in one above it, up to `root`. */
function withBackslashes(file: string, root: string): string | undefined {
  for (let folder = dirname(file); folder.startsWith(root); folder = dirname(folder)) {
    const wanted = relative(folder, file).replaceAll('/', '\\')
    if (wanted.includes('\\') && namesIn(folder).includes(wanted)) {
      return `There is one file of the name ${JSON.stringify(wanted)}: a path has slashes here, no backslashes.`
    }
    if (folder === root) break
  }
  return undefined
}

/** What is in the folder in which a file is missing, and where the intended file may be. */
export function beside(file: string, root = dirname(file)): readonly string[] {
  const meant = meantBy(file) ?? withBackslashes(file, root)
  return meant === undefined ? [listed(dirname(file))] : [listed(dirname(file)), meant]
}

function listed(folder: string): string {
  try {
    const names = readdirSync(folder).toSorted()
    return names.length === 0 ? 'The folder is empty.' : `Beside it: ${show(names)}`
  } catch {
    return `The folder ${folder} does not exist.`
  }
}

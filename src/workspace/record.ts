import { closeSync, existsSync, lstatSync, openSync, readdirSync, unlinkSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isJudgedHere, isOwnerDead, newToken, type Owner } from '../containment/owner.js'
import type { ProcessIdentity } from '../system/process-table/table.js'
import { appendToOwnFile, readOwnFile } from './own-file.js'
import { dropOwnFolder, existingOwnFolder, isThisUsers, ownFolder, temporaryFolder } from './own-folder.js'

// Each worker has a record that says which workspaces are its own. It is in the folder that only this user can write
// to. A name in the temporary folder proves nothing, because anybody may have made it.

/** The contents of a record. */
export interface WorkerRecord {
  /** The path of the record. */
  readonly path: string
  /** The prefix of the names of the worker's workspaces and drafts. */
  readonly id: string
  readonly owner: Owner
  /** The token of its run, or `0`. */
  readonly run: string
  /** The token in the name of its mark. */
  readonly mark: string
  /** The common prefix of the worker's second marks, if it has any. */
  readonly locks: bigint | undefined
  /** The trees with processes that may live on: the value of the mark, `fixture.command`, and the second mark. */
  readonly exemptTrees: readonly { readonly tree: string; readonly locks: bigint | undefined }[]
  readonly exempt: readonly ProcessIdentity[]
  /** The guardian that takes care of what the worker leaves behind. */
  readonly guardian: ProcessIdentity | undefined
}

const suffix = '.record'
/**
 * `proctor-`, five characters for the worker, and three for the workspace: 16 characters, so that the path of a socket
 * in it is not too long.
 */
const workspaceName = /^proctor-[a-z][0-9a-z]{4}[0-9a-z]{3}$/
const mostWorkspaces = 36 ** 3

/** Five characters. The first is a letter, so that the id is never taken for the number of a user. */
function newId(): string {
  const token = newToken()
  const letter = String.fromCodePoint(97 + (Number.parseInt(token.slice(0, 2), 16) % 26))
  return letter + (Number.parseInt(token.slice(2, 12), 16) % 36 ** 4).toString(36).padStart(4, '0')
}

const identityOf = ([pid, startTime]: readonly string[]): ProcessIdentity => ({
  pid: Number(pid),
  startTime: Number(startTime),
})

/** The first line. JSON has no bigints. */
interface Head extends Omit<WorkerRecord, 'locks'> {
  readonly locks?: string
}

const toLocks = (text: string | undefined): bigint | undefined =>
  text === undefined || text === '' ? undefined : BigInt(text)

/** Reads a record. Undefined if it has gone, is not finished, or is not this user's. */
export function readRecord(path: string): WorkerRecord | undefined {
  try {
    const [head = '', ...lines] = String(readOwnFile(path)).split('\n')
    const { id, owner, run, mark, locks } = JSON.parse(head) as Head
    if (`${id}${suffix}` !== basename(path)) return undefined
    const said = (kind: string): string[][] =>
      lines.filter((line) => line.startsWith(`${kind} `)).map((line) => line.split(' ').slice(1))
    const guardians = said('guardian')
    return {
      path,
      id,
      owner,
      run,
      mark,
      locks: toLocks(locks),
      exemptTrees: said('tree').map(([tree, own]) => ({ tree: tree!, locks: toLocks(own) })),
      exempt: said('process').map(identityOf),
      guardian: guardians.length === 0 ? undefined : identityOf(guardians.at(-1)!),
    }
  } catch {
    return undefined
  }
}

/** The records in this user's folder inside a temporary one. */
export function readRecords(temporary: string = temporaryFolder()): WorkerRecord[] {
  const folder = existingOwnFolder(temporary)
  if (folder === undefined) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith(suffix))
    .flatMap((name) => readRecord(join(folder, name)) ?? [])
}

/** The records whose worker has died: those of this machine since its boot, this pid namespace and this user. */
export const readAbandonedRecords = (temporary?: string): WorkerRecord[] =>
  readRecords(temporary).filter(({ owner }) => isJudgedHere(owner) && isOwnerDead(owner))

/** The existing workspaces of a worker. A link, or what another user has made under such a name, is not one. */
export function workspacesOf({ path, id }: WorkerRecord): string[] {
  const temporary = dirname(dirname(path))
  return readdirSync(temporary)
    .filter((name) => workspaceName.test(name) && name.startsWith(`proctor-${id}`))
    .map((name) => join(temporary, name))
    .filter((each) => {
      const entry = lstatSync(each, { throwIfNoEntry: false })
      return entry?.isDirectory() === true && isThisUsers(entry)
    })
}

/** The unfinished traces of a worker. */
export function draftsOf({ path, id }: Pick<WorkerRecord, 'path' | 'id'>): string[] {
  const folder = dirname(path)
  return readdirSync(folder)
    .filter((name) => name.startsWith(`${id}-`))
    .map((name) => join(folder, name))
}

/** Removes a record and its worker's drafts. */
export function dropRecord(record: Pick<WorkerRecord, 'path' | 'id'>): void {
  for (const path of [...draftsOf(record), record.path]) {
    try {
      unlinkSync(path)
    } catch {
      // Its guardian, or another sweep, was first.
    }
  }
}

/** Removes what is left of a record, and the drafts, if its worker died before the first line was written. */
export function dropUnfinished(path: string): void {
  try {
    if (readOwnFile(path).includes('\n')) return
    dropRecord({ path, id: basename(path, suffix) })
  } catch {
    // It was never made, or it is not this user's.
  }
}

/** The record of this worker in one temporary folder. */
export class OwnRecord {
  readonly path: string
  readonly temporary: string
  readonly #id: string
  readonly #said: Pick<WorkerRecord, 'owner' | 'run' | 'mark' | 'locks'>
  #isWritten = false
  #workspaces = 0
  #drafts = 0

  /**
   * Chooses a name for a record. The file does not exist until it is written.
   *
   * @throws {WorkspaceError} if its folder cannot be used.
   */
  constructor(temporary: string, said: Pick<WorkerRecord, 'owner' | 'run' | 'mark' | 'locks'>) {
    this.temporary = temporary
    const folder = ownFolder(temporary)
    do this.#id = newId()
    while (existsSync(join(folder, this.#id + suffix)))
    this.path = join(folder, this.#id + suffix)
    this.#said = said
  }

  /** Writes the record. The guardian already knows its path. */
  write(): void {
    for (;;) {
      try {
        const file = openSync(this.path, 'wx', 0o600)
        try {
          this.#writeHead(file)
        } finally {
          closeSync(file)
        }
        this.#isWritten = true
        return
      } catch (error) {
        // Whoever had the last record in the folder has meanwhile removed it.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
        ownFolder(this.temporary)
      }
    }
  }

  #writeHead(file: number): void {
    const text = `${JSON.stringify({ id: this.#id, ...this.#said, locks: this.#said.locks?.toString() })}\n`
    try {
      // When the disk is nearly full, only a part is written, and there is no error.
      if (writeSync(file, text) < text.length) throw new Error('ENOSPC: no space left on device')
    } catch (error) {
      unlinkSync(this.path)
      throw error
    }
  }

  get isFull(): boolean {
    return this.#workspaces >= mostWorkspaces
  }

  /** Gives no more workspaces: who has seen the name of one can guess the others, and take them. */
  spend(): void {
    this.#workspaces = mostWorkspaces
  }

  /** The path for the next workspace. */
  nextWorkspace(): string {
    const count = this.#workspaces.toString(36).padStart(3, '0')
    this.#workspaces += 1
    return join(this.temporary, `proctor-${this.#id}${count}`)
  }

  /** The path for the next draft. */
  nextDraft(): string {
    this.#drafts += 1
    return join(dirname(this.path), `${this.#id}-${this.#drafts}.html`)
  }

  /** Appends a line. */
  note(line: string): void {
    if (!this.#isWritten) return
    try {
      appendToOwnFile(this.path, `${line}\n`, true)
    } catch {
      // The disk is full. A sweep then knows less, but no test fails for that.
    }
  }

  /** Removes the record if none of its workspaces is left. Returns whether it has gone. */
  drop(): boolean {
    const record = readRecord(this.path)
    if (record === undefined || workspacesOf(record).length > 0) return false
    dropRecord(record)
    dropOwnFolder(dirname(this.path))
    return true
  }
}

import {
  appendFileSync,
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { isJudgedHere, isOwnerDead, newToken, type Owner } from '../containment/owner.js'
import type { ProcessIdentity } from '../system/process-table/table.js'
import { dropOwnFolder, existingOwnFolder, ownFolder, thisUser } from './own-folder.js'

// Whose a workspace is stands in a record of its worker, in the folder that nobody else can write to. A name in the
// temporary folder says nothing: anybody may have made it.

/** What a record says. */
export interface WorkerRecord {
  /** Where it is. */
  readonly path: string
  /** What the names of the worker's workspaces and drafts begin with. */
  readonly id: string
  readonly owner: Owner
  /** The token of its run, or `0`. */
  readonly run: string
  /** The token in the name of its mark. */
  readonly mark: string
  /** What all of the worker's second marks begin with, where it has any. */
  readonly locks: bigint | undefined
  /** The trees that hold what may live on: by the mark, `fixture.command`, and by the second one. */
  readonly exemptTrees: readonly { readonly tree: string; readonly locks: bigint | undefined }[]
  readonly exempt: readonly ProcessIdentity[]
  /** Who sees to what the worker leaves behind. */
  readonly guardian: ProcessIdentity | undefined
}

const suffix = '.record'
/** `proctor-`, five characters that say whose it is, three that count: 16, so that a socket in it has a name. */
const workspaceName = /^proctor-[a-z][0-9a-z]{4}[0-9a-z]{3}$/
const mostWorkspaces = 36 ** 3

/** Five characters, the first a letter: no number of a user is taken for one. */
function newId(): string {
  const token = newToken()
  const letter = String.fromCodePoint(97 + (Number.parseInt(token.slice(0, 2), 16) % 26))
  return letter + (Number.parseInt(token.slice(2, 12), 16) % 36 ** 4).toString(36).padStart(4, '0')
}

const identityOf = ([pid, startTime]: readonly string[]): ProcessIdentity => ({
  pid: Number(pid),
  startTime: Number(startTime),
})

/** The first line: JSON has no bigints. */
interface Head extends Omit<WorkerRecord, 'locks'> {
  readonly locks?: string
}

const toLocks = (text: string | undefined): bigint | undefined =>
  text === undefined || text === '' ? undefined : BigInt(text)

/** Reads a record. Undefined when it has gone, or is not finished. */
export function readRecord(path: string): WorkerRecord | undefined {
  try {
    const [head = '', ...lines] = readFileSync(path, 'utf8').split('\n')
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

/** The records in this user's folder of a temporary one. */
export function readRecords(temporary: string = realpathSync(tmpdir())): WorkerRecord[] {
  const folder = existingOwnFolder(temporary)
  if (folder === undefined) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith(suffix))
    .flatMap((name) => readRecord(join(folder, name)) ?? [])
}

/** Those whose worker is gone: on this machine since its boot, in this pid namespace, of this user. */
export const readAbandonedRecords = (temporary?: string): WorkerRecord[] =>
  readRecords(temporary).filter(({ owner }) => isJudgedHere(owner) && isOwnerDead(owner))

/** The workspaces of a worker that are there. A link, or what another user has made under such a name, is none. */
export function workspacesOf({ path, id }: WorkerRecord): string[] {
  const temporary = dirname(dirname(path))
  return readdirSync(temporary)
    .filter((name) => workspaceName.test(name) && name.startsWith(`proctor-${id}`))
    .map((name) => join(temporary, name))
    .filter((each) => {
      const entry = lstatSync(each, { throwIfNoEntry: false })
      return entry?.isDirectory() === true && (process.geteuid === undefined || entry.uid === thisUser())
    })
}

/** The unfinished traces of a worker. */
export function draftsOf({ path, id }: WorkerRecord): string[] {
  const folder = dirname(path)
  return readdirSync(folder)
    .filter((name) => name.startsWith(`${id}-`))
    .map((name) => join(folder, name))
}

/** Removes a record and the drafts of its worker. */
export function dropRecord(record: WorkerRecord): void {
  for (const path of [...draftsOf(record), record.path]) {
    try {
      unlinkSync(path)
    } catch {
      // Its guardian, or another sweep, was there first.
    }
  }
}

/** The record of this worker in one temporary folder. */
export class OwnRecord {
  readonly path: string
  readonly #id: string
  readonly #said: Pick<WorkerRecord, 'owner' | 'run' | 'mark' | 'locks'>
  #isWritten = false
  #workspaces = 0
  #drafts = 0

  /**
   * Finds a name for a record. It is not there before it is written.
   *
   * @throws {WorkspaceError} when the folder for it is not to be had.
   */
  constructor(temporary: string, said: Pick<WorkerRecord, 'owner' | 'run' | 'mark' | 'locks'>) {
    const folder = ownFolder(temporary)
    do this.#id = newId()
    while (existsSync(join(folder, this.#id + suffix)))
    this.path = join(folder, this.#id + suffix)
    this.#said = said
  }

  /** Writes it. Whoever is to see to it when this process is dead has heard of it before. */
  write(): void {
    for (;;) {
      try {
        const file = openSync(this.path, 'wx', 0o600)
        writeSync(file, `${JSON.stringify({ id: this.#id, ...this.#said, locks: this.#said.locks?.toString() })}\n`)
        closeSync(file)
        this.#isWritten = true
        return
      } catch (error) {
        // Who had the last record in it has removed the folder meanwhile.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
        ownFolder(dirname(dirname(this.path)))
      }
    }
  }

  get isFull(): boolean {
    return this.#workspaces >= mostWorkspaces
  }

  /** The path of the next workspace. */
  nextWorkspace(): string {
    const count = this.#workspaces.toString(36).padStart(3, '0')
    this.#workspaces += 1
    return join(dirname(dirname(this.path)), `proctor-${this.#id}${count}`)
  }

  /** The path of the next draft. */
  nextDraft(): string {
    this.#drafts += 1
    return join(dirname(this.path), `${this.#id}-${this.#drafts}.html`)
  }

  /** Adds a line. */
  note(line: string): void {
    if (!this.#isWritten) return
    try {
      // Deno gives an existing file, too, the rights that it gives to a new one.
      appendFileSync(this.path, `${line}\n`, { mode: 0o600 })
    } catch {
      // A full disk: then a sweep knows less, and no test fails for it.
    }
  }

  /** Removes it where no workspace is left of it. Whether it has gone. */
  drop(): boolean {
    const record = readRecord(this.path)
    if (record === undefined || workspacesOf(record).length > 0) return false
    dropRecord(record)
    dropOwnFolder(dirname(this.path))
    return true
  }
}

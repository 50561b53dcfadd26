import { constants, lstatSync, readlinkSync, realpathSync } from 'node:fs'
import { cp, mkdir, open, readdir, rename, stat, symlink as link } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { checkOptions } from '../base/check.js'
import { WorkspaceError } from '../base/errors.js'
import {
  describeEntry,
  describeValue,
  type ExecutableFile,
  type FileTree,
  hintAtJSON,
  isJSONName,
  isKind,
  isTree,
  type SymbolicLink,
} from './file-tree.js'
import type { FolderIdentity } from './open-folder.js'
import { thisUser } from './own-folder.js'
import { describeLeft, type Expectation, removeFolder } from './removal.js'
import { isBytes } from '../base/kinds.js'
import { beside } from './beside.js'
import { type SnapshotOptions, snapshotRules } from '../snapshot/normalise.js'
import { snapshotOfFolder } from './snapshot.js'
import { makeTemporaryFolder } from './temporary-folder.js'

/** A test's temporary folder. It is removed once its commands are proven dead. */
export interface Workspace {
  /** The real path, with no symbolic link in it. */
  readonly path: string
  /**
   * An absolute path in the workspace.
   *
   * @throws {WorkspaceError} if the path leaves the workspace, even through a symbolic link.
   * @example
   * workspace.resolve('sub', 'file.txt')
   */
  resolve(...segments: string[]): string
  /**
   * Writes a tree of files, or one file. Makes missing folders.
   *
   * @throws {WorkspaceError} if a path leaves the workspace or cannot be written.
   * @example
   * await workspace.write({ 'a.txt': 'text', 'bin/x': executable('#!/bin/sh\n'), link: symlink('a.txt') })
   * await workspace.write('b.txt', 'more')
   */
  write(tree: FileTree): Promise<void>
  write(path: string, content: string | Uint8Array): Promise<void>
  /** The text of a file, decoded as UTF-8. */
  read(path: string): Promise<string>
  /** Whether a path exists. A symbolic link that leads nowhere does not. */
  exists(path: string): Promise<boolean>
  /** All files and symbolic links, sorted, with relative paths: fit for a snapshot. */
  list(): Promise<string[]>
  /**
   * The contents as one text that is the same in every run: files and what they contain, unusual modes, links, and
   * empty folders. Words replace the workspace, pids, ports, durations and escape sequences, as in
   * `process.snapshot()`. Files larger than 16 KiB, and those that are not text, are shown by their size in bytes.
   *
   * @throws {TypeError} on an option that is unknown or of the wrong type.
   * @example
   * expect(await workspace.snapshot()).toMatchInlineSnapshot()
   */
  snapshot(options?: SnapshotOptions): Promise<string>
  /** Copies the contents of a folder into the workspace. The path is relative to the tests' current folder. */
  copyFrom(source: string): Promise<void>
}

/** The prefix that kept workspaces get. They are never swept. */
const keptPrefix = 'kept-'

const isLink = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false

export class TemporaryWorkspace implements Workspace {
  readonly path: string
  /** Identifies the folder that was made. By the end, its path may lead to another one. */
  readonly #identity: Pick<FolderIdentity, 'dev' | 'ino'>
  #isOver = false
  /** ms, the default of matchers on the workspace. It is that of the fixture. */
  waitTimeout: (() => number) | undefined
  /** Called when the test makes a call. Returns a function to call at the end, with the error if it failed. */
  onCall: ((what: string) => (error?: unknown) => void) | undefined

  private constructor(path: string) {
    this.path = path
    this.#identity = lstatSync(path, { bigint: true })
  }

  /**
   * `nextPath` returns a path that is already in a record, so that no folder is lost if the process dies in between.
   * `isTaken`: somebody else has made something at the last one.
   */
  static create(nextPath: (isTaken: boolean) => string): TemporaryWorkspace {
    try {
      return new TemporaryWorkspace(makeTemporaryFolder(nextPath))
    } catch (error) {
      if (error instanceof WorkspaceError) throw error
      const { message } = error as Error
      throw new WorkspaceError(`No workspace can be made in ${tmpdir()}: ${message}`, tmpdir(), { cause: error })
    }
  }

  resolve(...segments: string[]): string {
    for (const segment of segments) {
      if (typeof segment !== 'string') throw new TypeError(`A path is a string, not ${describeValue(segment)}.`)
      if (segment.includes('\0'))
        throw new WorkspaceError(`The path ${JSON.stringify(segment)} holds a NUL byte.`, segment)
    }
    const path = resolve(this.path, ...segments)
    const given = segments.join('/')
    if (path !== this.path && !path.startsWith(this.path + sep)) {
      throw new WorkspaceError(`${JSON.stringify(given)} leaves the workspace ${this.path}.`, given)
    }
    const real = this.#realOf(path)
    if (real !== this.path && !real.startsWith(this.path + sep)) {
      throw new WorkspaceError(
        `${JSON.stringify(given)} leaves the workspace through a symbolic link, to ${real}.`,
        given,
      )
    }
    return path
  }

  /** Where a path leads, as far as it exists. */
  #realOf(path: string): string {
    try {
      // realpath(3) of the C library is faster than Node's own.
      return realpathSync.native(path)
    } catch (error) {
      if (path === this.path) return path
      // This link leads nowhere yet. A write through it would create its target.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' && isLink(path)) {
        return this.#realOf(resolve(dirname(path), readlinkSync(path)))
      }
      return join(this.#realOf(dirname(path)), basename(path))
    }
  }

  /** A file written after the test's end would create the folder again, and nobody would remove it. */
  #throwIfOver(): void {
    if (this.#isOver) throw new WorkspaceError('The test has ended: its workspace is gone.', this.path)
  }

  async write(tree: FileTree | string, content?: string | Uint8Array): Promise<void> {
    const what = typeof tree === 'string' ? tree : Object.keys(tree ?? {}).join(', ')
    return this.#told(`workspace.write(${what})`, () => this.#write(tree, content))
  }

  /** Reports a call and how it ended. */
  async #told(what: string, call: () => Promise<void>): Promise<void> {
    const onEnd = this.onCall?.(what)
    try {
      await call()
      onEnd?.()
    } catch (error) {
      onEnd?.(error)
      throw error
    }
  }

  async #write(tree: FileTree | string, content?: string | Uint8Array): Promise<void> {
    this.#throwIfOver()
    if (typeof tree === 'string') {
      if (typeof content !== 'string' && !isBytes(content)) {
        throw new TypeError(
          `workspace.write(${JSON.stringify(tree)}, …): content is a string or bytes, not ${describeValue(content)}.${hintAtJSON(tree)}`,
        )
      }
      await this.#writeFile(tree, content, 0o666)
      return
    }
    if (!isTree(tree)) {
      throw new TypeError(
        `workspace.write(…) takes a tree of files or a path and its content, not ${describeValue(tree)}.`,
      )
    }
    await this.#writeTree('', tree)
  }

  async #writeTree(folder: string, tree: FileTree): Promise<void> {
    for (const [name, value] of Object.entries(tree)) {
      const path = folder === '' ? name : `${folder}/${name}`
      if (typeof value === 'string' || isBytes(value)) await this.#writeFile(path, value, 0o666)
      else if (isKind(value, 'executable')) await this.#writeFile(path, (value as ExecutableFile).content, 0o777)
      else if (isKind(value, 'symlink')) await this.#writeLink(path, (value as SymbolicLink).target)
      else if (isTree(value)) {
        if (isJSONName(path)) {
          const first = Object.keys(value)[0] ?? 'file'
          throw new TypeError(
            `workspace.write(…): ${JSON.stringify(path)} would be a folder.${hintAtJSON(path)} For a folder of that name: { ${JSON.stringify(`${path}/${first}`)}: … }.`,
          )
        }
        await this.#attempt(path, 'make the folder', () => mkdir(this.resolve(path), { recursive: true }))
        await this.#writeTree(path, value)
      } else {
        throw new TypeError(
          `workspace.write(…): ${JSON.stringify(path)} is ${describeEntry(value)}. Accepted are text, bytes, executable(…), symlink(…) and folders of them.${hintAtJSON(path)}`,
        )
      }
    }
  }

  async #writeFile(path: string, content: string | Uint8Array, mode: number): Promise<void> {
    const target = this.resolve(path)
    if (target === this.path)
      throw new WorkspaceError(`${JSON.stringify(path)} is the workspace itself, not a file.`, path)
    await this.#attempt(path, 'write', async () => {
      await mkdir(dirname(target), { recursive: true })
      // Without O_NONBLOCK, opening a FIFO that nobody reads would block a thread forever.
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NONBLOCK
      const file = await open(target, flags, mode)
      try {
        await file.writeFile(content)
        if (mode === 0o777) await file.chmod(0o755)
      } finally {
        await file.close()
      }
    })
  }

  async #writeLink(path: string, target: string): Promise<void> {
    const place = this.resolve(dirname(path), '.')
    await this.#attempt(path, 'make the link', async () => {
      await mkdir(place, { recursive: true })
      await link(target, join(place, basename(path)))
    })
  }

  async #attempt<Result>(path: string, verb: string, action: () => Promise<Result>): Promise<Result> {
    try {
      return await action()
    } catch (error) {
      if (error instanceof WorkspaceError) throw error
      throw new WorkspaceError(
        `Cannot ${verb} ${JSON.stringify(path)} in the workspace: ${(error as Error).message}`,
        path,
        {
          cause: error,
        },
      )
    }
  }

  async read(path: string): Promise<string> {
    const target = this.resolve(path)
    return this.#attempt(path, 'read', async () => {
      const file = await open(target, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
        throw this.#missing(path, target, error)
      })
      try {
        return await file.readFile('utf8')
      } finally {
        await file.close()
      }
    })
  }

  /**
   * The error for a missing file, which says what is there instead. The system's own message would only repeat the
   * path.
   */
  #missing(path: string, target: string, error: unknown): unknown {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return error
    const reason = `Cannot read ${JSON.stringify(path)} in the workspace: ENOENT, there is no such file.`
    return new WorkspaceError([reason, ...beside(target, this.path)].join('\n  '), path, { cause: error })
  }

  async exists(path: string): Promise<boolean> {
    const target = this.resolve(path)
    try {
      await stat(target)
      return true
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return false
      throw new WorkspaceError(`Cannot look at ${JSON.stringify(path)}: ${(error as Error).message}`, path, {
        cause: error,
      })
    }
  }

  async list(): Promise<string[]> {
    const found: string[] = []
    const visit = async (folder: string): Promise<void> => {
      for (const entry of await readdir(folder, { withFileTypes: true })) {
        const path = join(folder, entry.name)
        if (entry.isDirectory()) await visit(path)
        else found.push(relative(this.path, path))
      }
    }
    await this.#attempt('.', 'list', () => visit(this.path))
    return found.toSorted()
  }

  snapshot(options?: SnapshotOptions): Promise<string> {
    checkOptions('workspace.snapshot', options, snapshotRules)
    return this.#attempt('.', 'read', () => snapshotOfFolder(this.path, options))
  }

  async copyFrom(source: string): Promise<void> {
    return this.#told(`workspace.copyFrom(${String(source)})`, () => this.#copyFrom(source))
  }

  async #copyFrom(source: string): Promise<void> {
    this.#throwIfOver()
    if (typeof source !== 'string' || source === '') {
      throw new TypeError(
        `copyFrom: the source is ${source === '' ? "''" : describeValue(source)}. Accepted is the path of a folder.`,
      )
    }
    const from = resolve(source)
    const entry = await stat(from).catch(() => undefined)
    if (entry === undefined) throw new WorkspaceError(`copyFrom: ${from} does not exist.`, source)
    if (!entry.isDirectory()) throw new WorkspaceError(`copyFrom: ${from} is no folder.`, source)
    await this.#attempt(source, 'copy', () => cp(from, this.path, { recursive: true, verbatimSymlinks: true }))
  }

  /**
   * Removes the folder with everything in it.
   *
   * @throws {WorkspaceError} that names what stays, and why.
   */
  async remove(): Promise<void> {
    this.#isOver = true
    const { dev, ino } = this.#identity
    // Tests give the folder to another user, and programs make it anew.
    const isExpected: Expectation = ({ user, identity }) =>
      user === thisUser() || (identity.dev === dev && identity.ino === ino)
    const left = await removeFolder(this.path, isExpected)
    if (left.length === 0) return
    throw new WorkspaceError(
      `The workspace cannot be removed: ${describeLeft(left, this.path)}. It stays: ${this.path}`,
      this.path,
    )
  }

  /** Renames the folder so that no sweep removes it. Returns its new path. */
  async keep(): Promise<string> {
    this.#isOver = true
    const kept = join(dirname(this.path), `${keptPrefix}${basename(this.path)}`)
    await rename(this.path, kept)
    return kept
  }
}

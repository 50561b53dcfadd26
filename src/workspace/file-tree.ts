// What may be written into a workspace. In a file of its own: the doors hand it on, and load the rest when it is used.

const kind = Symbol.for('proctor.file-tree')

/** A file that may be executed, in a `FileTree`. */
export interface ExecutableFile {
  readonly [kind]: 'executable'
  readonly content: string | Uint8Array
}

/** A symbolic link, in a `FileTree`. */
export interface SymbolicLink {
  readonly [kind]: 'symlink'
  readonly target: string
}

/** Names and what is to be there: text, bytes, `executable(…)`, `symlink(…)`, or a folder of more. */
export interface FileTree {
  readonly [name: string]: string | Uint8Array | ExecutableFile | SymbolicLink | FileTree
}

/**
 * A file with mode 755.
 *
 * @example
 * await workspace.write({ 'bin/hello': executable('#!/bin/sh\necho hello\n') })
 */
export function executable(content: string | Uint8Array): ExecutableFile {
  if (typeof content !== 'string' && !(content instanceof Uint8Array)) {
    throw new TypeError(`executable(…): content is a string or bytes, not ${describeValue(content)}.`)
  }
  return { [kind]: 'executable', content }
}

/**
 * A symbolic link to `target`, which is written as it is: relative to the link's own folder.
 *
 * @example
 * await workspace.write({ 'a.txt': 'text', link: symlink('a.txt') })
 */
export function symlink(target: string): SymbolicLink {
  if (typeof target !== 'string' || target === '') {
    throw new TypeError(`symlink(…): the target is a path, not ${target === '' ? "''" : describeValue(target)}.`)
  }
  return { [kind]: 'symlink', target }
}

export const isKind = (value: unknown, name: string): boolean =>
  typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[kind] === name

export const describeValue = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value

// What can be written into a workspace. The entry points re-export this file; everything else of the workspace is
// loaded when it is used.

import { isBytes, tagOf } from '../base/kinds.js'

const kind = Symbol.for('proctor.file-tree')

/** An executable file in a `FileTree`. */
export interface ExecutableFile {
  readonly [kind]: 'executable'
  readonly content: string | Uint8Array
}

/** A symbolic link in a `FileTree`. */
export interface SymbolicLink {
  readonly [kind]: 'symlink'
  readonly target: string
}

/** Names, and what each is to be: text, bytes, `executable(…)`, `symlink(…)`, or a folder with more of these. */
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
  if (typeof content !== 'string' && !isBytes(content)) {
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

/**
 * The text of a JSON file, indented by two spaces.
 *
 * @throws {TypeError} on what JSON cannot express: `undefined`, a function, a circular value.
 * @example
 * await workspace.write({ 'package.json': json({ name: 'x', type: 'module' }) })
 */
export function json(value: unknown): string {
  const text = JSON.stringify(value, undefined, 2) as string | undefined
  if (text === undefined) throw new TypeError(`json(…): JSON cannot hold ${describeValue(value)}.`)
  return `${text}\n`
}

/** Whether a name is that of a JSON file. Nobody gives such a name to a folder. */
export const isJSONName = (path: string): boolean => /[^/]\.(?:json[c5]?|webmanifest)$/i.test(path)

/** What to write instead, if a value was meant as JSON. */
export const hintAtJSON = (path: string): string =>
  isJSONName(path) ? " A file of JSON is written with json({ … }), from 'proctor'." : ''

export const isKind = (value: unknown, name: string): boolean =>
  typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[kind] === name

/** What kind of object a value is, whatever realm it is from. */
/** Whether a value is an object of names. A list, a promise or a Date has no names that files could have. */
export const isTree = (value: unknown): value is FileTree => tagOf(value) === 'Object'

export const describeValue = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value

/** What stands in a file tree in the place of a file. */
export function describeEntry(value: unknown): string {
  const text = describeValue(value)
  if (text !== 'object') return text
  return tagOf(value) === 'Promise' ? 'a promise that was not awaited' : `a ${tagOf(value)}`
}

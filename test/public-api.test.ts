import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { declarationsOf } from './declarations.js'
import { inRoot } from './inner-run.js'

// What each entry point exports, read from the published build: run `npm run build` first.

interface Conditions {
  /** The default export of an entry point that is ESM only. */
  readonly default?: string
  readonly types?: string
  readonly import?: { readonly default: string; readonly types: string }
  readonly require?: { readonly default: string }
}

const { exports } = JSON.parse(readFileSync(inRoot('package.json'), 'utf8')) as {
  exports: Record<string, Conditions | string>
}

const doors = Object.entries(exports).flatMap(([door, conditions]) =>
  typeof conditions === 'string' ? [] : [[`proctor${door.slice(1)}`, conditions] as const],
)

/**
 * The names in a bundle's closing `export { a as b }`. A runner's entry point cannot be imported outside of that
 * runner.
 */
function exportsOf(file: string): string[] {
  const text = readFileSync(inRoot(file.replace(/^\.\//, '')), 'utf8')
  return [...text.matchAll(/^export (?:\{([^}]*)\}|default|(?:const|function|class) (\w+))/gm)]
    .flatMap(([, list, name]) =>
      list === undefined
        ? [name ?? 'default']
        : list.split(',').map((part) =>
            part
              .trim()
              .split(/\s+as\s+/)
              .at(-1)!,
          ),
    )
    .filter((name) => name !== '')
    .toSorted()
}

test('the names that each door exports', () => {
  const names = Object.fromEntries(
    doors.map(([door, conditions]) => [door, exportsOf((conditions.import?.default ?? conditions.default)!)]),
  )
  expect(names).toMatchInlineSnapshot(`
    {
      "proctor": [
        "AlreadyExitedError",
        "CommandError",
        "CommandTimeoutError",
        "ContainmentError",
        "FailedExitError",
        "LeakedProcessError",
        "MissingDependencyError",
        "PidFileError",
        "PortInUseError",
        "ProctorError",
        "SpawnError",
        "UnexpectedExitError",
        "WaitTimeoutError",
        "WorkspaceError",
        "createProctor",
        "executable",
        "freePort",
        "isAlive",
        "json",
        "snapshotSerializer",
        "symlink",
      ],
      "proctor/jest": [
        "executable",
        "symlink",
        "useProctor",
      ],
      "proctor/jest/config": [
        "withProctor",
      ],
      "proctor/jest/global-setup": [
        "default",
      ],
      "proctor/jest/global-teardown": [
        "default",
      ],
      "proctor/jest/guard": [
        "guard",
      ],
      "proctor/jest/reporter": [
        "default",
      ],
      "proctor/jest/server": [
        "server",
        "serverAddress",
      ],
      "proctor/matchers": [
        "toBeAlive",
        "toBeDead",
        "toBeFree",
        "toHaveExitedWith",
        "toHaveOutput",
        "toHaveScreen",
        "toMatchScreenInlineSnapshot",
        "toMatchScreenSnapshot",
        "toMatchWorkspaceInlineSnapshot",
        "toMatchWorkspaceSnapshot",
        "toThrowAlreadyExited",
        "toThrowFailedExit",
        "toThrowUnexpectedExit",
        "toUseLessThan",
      ],
      "proctor/node-test": [
        "executable",
        "expect",
        "symlink",
        "useProctor",
      ],
      "proctor/node-test/guard": [
        "guard",
      ],
      "proctor/node-test/reporter": [
        "default",
      ],
      "proctor/playwright": [
        "executable",
        "expect",
        "json",
        "symlink",
        "test",
      ],
      "proctor/serializer": [
        "default",
        "serialize",
        "test",
      ],
      "proctor/vitest": [
        "executable",
        "expect",
        "fixtures",
        "it",
        "json",
        "symlink",
        "test",
      ],
      "proctor/vitest/global-setup": [
        "default",
      ],
      "proctor/vitest/guard": [
        "guard",
      ],
      "proctor/vitest/plugin": [
        "default",
        "proctor",
      ],
      "proctor/vitest/reporter": [
        "default",
      ],
      "proctor/vitest/server": [
        "server",
      ],
    }
  `)
})

test('the names and signatures of each door are those of the report', async () => {
  const sections = doors.map(
    ([door, conditions]) =>
      `## ${door}\n\n${declarationsOf(inRoot((conditions.import?.types ?? conditions.types)!))}\n`,
  )
  // A change of the public interface shows as a change of this file: `npx vitest run test/public-api.test.ts -u`.
  await expect(sections.join('\n')).toMatchFileSnapshot('public-api.txt')
})

test('the CommonJS side of the core and of the matchers exports the same', () => {
  const require = createRequire(import.meta.url)
  for (const door of ['.', './matchers', './jest/global-setup', './jest/global-teardown']) {
    const { import: esm, require: cjs } = exports[door] as Required<Conditions>
    const names = Object.keys(require(inRoot(cjs.default)) as object).filter((name) => name !== '__esModule')
    expect(names.toSorted()).toEqual(exportsOf(esm.default))
  }
})

test('the core registers nothing and loads no runner', async () => {
  const listeners = (): string[] =>
    process
      .eventNames()
      .map((event) => `${String(event)} ${process.listenerCount(event)}`)
      .toSorted()
  const before = [listeners(), Object.keys(process.env)]
  await import(inRoot('dist/index.js'))
  await import(inRoot('dist/matchers.js'))
  expect([listeners(), Object.keys(process.env)]).toEqual(before)
})

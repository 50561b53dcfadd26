import { execFile } from 'node:child_process'
import { expect, test } from 'vitest'
import { inRoot, root } from '../inner-run.js'

/** Compiles with the project's own TypeScript. The declarations come from dist, so run `npm run build` first. */
const compile = (project: string): Promise<string> =>
  new Promise((resolve) => {
    const arguments_ = [inRoot('node_modules/typescript/bin/tsc'), '-p', inRoot(project), '--pretty', 'false']
    execFile(process.execPath, arguments_, { cwd: root, encoding: 'utf8' }, (error, stdout, stderr) =>
      resolve(error === null ? '' : `${stdout}${stderr}`),
    )
  })

test('consumers’ code compiles, and mistakes in it do not', async () => {
  // Each @ts-expect-error is a mistake that the types find: one that they do not is an error itself.
  expect(await compile('test/types')).toBe('')
})

test('the same for Playwright, whose own declarations need a browser’s types', async () => {
  expect(await compile('test/types/playwright')).toBe('')
})

test('the page of a trace compiles with a browser’s types, and without Node’s', async () => {
  expect(await compile('src/trace/page')).toBe('')
})

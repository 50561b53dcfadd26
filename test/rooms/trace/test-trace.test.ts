import { expect, test } from 'vitest'
import { traceName } from '../../../src/trace/test-trace.js'

const named = (...names: string[]): string => traceName({ names, root: '/project', file: '/project/test/cli.test.ts' })

test('the name of a trace says which test it is, in characters that every file system allows', () => {
  expect(named('a suite', 'prints <help> & exits: "0"')).toMatch(
    /^cli-test--a-suite-prints-help-exits-0-[0-9a-f]{8}\.html$/,
  )
  expect(named('größer … 日本語')).toMatch(/^cli-test--[\p{L}\p{M}\p{N}-]+-[0-9a-f]{8}\.html$/u)
  expect(named('../../etc/passwd')).toMatch(/^cli-test--etc-passwd-[0-9a-f]{8}\.html$/)
  expect(named('***')).toMatch(/^cli-test-[0-9a-f]{8}\.html$/)
})

test('however long the title is, the name fits into a folder', () => {
  expect(Buffer.byteLength(named('ä'.repeat(5000)))).toBeLessThan(200)
})

test('titles that look the same as a file have names of their own, and so have tests of one name', () => {
  expect(named('a: b')).not.toBe(named('a, b'))
  const first = named('twice')
  expect(named('twice')).toBe(first.replace('.html', '-2.html'))
})

test('it is the same in another checkout, and another one for each retry', () => {
  const here = traceName({ names: ['moves'], root: '/here', file: '/here/a.test.ts' })
  const there = traceName({ names: ['moves'], root: '/there', file: '/there/a.test.ts' })
  expect(there).toBe(here.replace('.html', '-2.html'))
  expect(traceName({ names: ['moves'], root: '/here', file: '/here/a.test.ts', retry: 1 })).toBe(
    here.replace('.html', '-retry1.html'),
  )
})

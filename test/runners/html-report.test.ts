import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestCase, Vitest } from 'vitest/node'
import { expect, onTestFinished, test } from 'vitest'
import { HtmlReport } from '../../src/runners/vitest/html-report.js'
import { makeFolder, removeFolder } from '../machine.js'

// How Vitest's HTML report shows it was checked in a browser by hand. Its package, @vitest/ui, is not installed here.

const configOf = (reporters: unknown[], attachmentsDir: string): Vitest['config'] =>
  ({ reporters, attachmentsDir }) as unknown as Vitest['config']

test('the trace of a failed test is an attachment of the HTML report', () => {
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  const [trace, attachments] = [join(folder, 'a-test--fails.html'), join(folder, 'attachments')]
  writeFileSync(trace, 'the trace')
  const annotations: object[] = []
  const report = HtmlReport.of(configOf(['default', ['html', {}]], attachments))!
  report.addTrace({ task: { annotations } } as unknown as TestCase, trace)
  const path = join(attachments, 'a-test--fails.html')
  expect(annotations).toEqual([{ type: 'proctor', message: 'trace', attachment: { contentType: 'text/html', path } }])
  expect(readFileSync(path, 'utf8')).toBe('the trace')
  // Adds nothing for a test without a trace, or for a trace that somebody has moved away.
  report.addTrace({ task: { annotations } } as unknown as TestCase, undefined)
  report.addTrace({ task: { annotations } } as unknown as TestCase, join(folder, 'moved.html'))
  expect(annotations).toHaveLength(1)
})

test('without an HTML report there are no attachments', () => {
  expect(HtmlReport.of(configOf(['default', ['json', {}]], '/nowhere'))).toBe(undefined)
})

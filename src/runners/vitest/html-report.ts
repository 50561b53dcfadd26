import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { TestCase, Vitest } from 'vitest/node'

// Vitest's HTML report shows annotations of a test, with a link to what is attached to them, and no artifacts that it does
// not know. So a trace becomes an annotation. It is added in the main process and not in the worker: there, the reporters
// of the terminal would print it as well.

/** As Vitest 3.2 to 5 keep it in a test's task. */
interface Annotated {
  readonly task?: { readonly annotations?: object[] }
}

const isHtml = (reporter: unknown): boolean => (Array.isArray(reporter) ? reporter[0] : reporter) === 'html'

/** The HTML report of a run. */
export class HtmlReport {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** The HTML report, if the run writes one. It copies the folder of attachments when the run has ended. */
  static of({ reporters, attachmentsDir }: Vitest['config']): HtmlReport | undefined {
    return attachmentsDir !== undefined && reporters.some(isHtml) ? new HtmlReport(attachmentsDir) : undefined
  }

  /** Adds the trace of a test to its page in the report. */
  addTrace(test: TestCase, trace: string | undefined): void {
    const annotations = (test as Annotated).task?.annotations
    if (trace === undefined || annotations === undefined || !existsSync(trace)) return
    const path = join(this.#folder, basename(trace))
    mkdirSync(this.#folder, { recursive: true })
    copyFileSync(trace, path)
    annotations.push({ type: 'proctor', message: 'trace', attachment: { contentType: 'text/html', path } })
  }
}

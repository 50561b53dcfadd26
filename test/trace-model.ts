import { readFileSync } from 'node:fs'
// @ts-expect-error -- the page's own script, which has no types.
import { readTrace } from '../src/trace/page/model.js'

/** What of a trace's model tests look at. */
export interface TraceModel {
  readonly state: string
  readonly died: number | undefined
  readonly meta: Readonly<Record<string, unknown>>
  readonly commands: readonly {
    readonly command: string
    readonly env: { readonly added: string[]; readonly changed: string[]; readonly removed: string[] }
    readonly exit?: { readonly code: number | null; readonly signal: string | null }
    readonly marks: readonly { readonly signal: string; readonly to: string | number; readonly by: string }[]
    readonly screens: readonly { readonly svg: string }[]
    readonly terminal?: { readonly columns: number; readonly rows: number }
  }[]
  readonly processes: readonly {
    readonly id: number
    readonly pid: number
    readonly parent: number
    readonly start: number
    readonly end: number | undefined
    readonly leftAt: number | undefined
    readonly orphanedAt: number | undefined
    readonly commands: readonly { readonly command: string }[]
    readonly finding: { readonly place: string; readonly outcome: string } | undefined
  }[]
  readonly rows: readonly { readonly t: number; readonly kind: string; readonly text: string }[]
  readonly files: readonly { readonly path: string; readonly size?: number; readonly text?: string }[]
  readonly end?: { readonly errors: readonly { readonly name: string }[] }
}

/** A trace, as its page reads it. */
export function readTraceFile(path: string): TraceModel {
  const html = readFileSync(path, 'utf8')
  const begin = '<script type="application/x-ndjson" id="trace">'
  const data = html.slice(html.indexOf(begin) + begin.length).replace(/<\/script>\s*$/, '')
  return (readTrace as (text: string) => TraceModel)(data)
}

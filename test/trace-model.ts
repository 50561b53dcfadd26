import { readFileSync } from 'node:fs'
import { dataBegin } from '../src/trace/format.js'
import type { TraceModel } from '../src/trace/page/model/model.js'
import { readTrace } from '../src/trace/page/model/read.js'

export type { TraceModel } from '../src/trace/page/model/model.js'

/** A trace, as its page reads it from the file. */
export function readTraceFile(path: string): TraceModel {
  const html = readFileSync(path, 'utf8')
  return readTrace(html.slice(html.indexOf(dataBegin) + dataBegin.length).replace(/<\/script>\s*$/, ''))
}

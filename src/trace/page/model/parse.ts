import type { TraceRecord } from '../../format.js'

/**
 * Parses the lines of a trace. A line that the worker's death cut off is left out. The guardian's lines are not JSON
 * and begin with `#`.
 */
export function parse(text: string): { readonly records: TraceRecord[]; readonly guardian: string[] } {
  const records: TraceRecord[] = []
  const guardian: string[] = []
  for (let from = 0; from < text.length;) {
    let to = text.indexOf('\n', from)
    if (to < 0) to = text.length
    const line = text.slice(from, to)
    from = to + 1
    if (line.startsWith('#')) guardian.push(line.slice(1))
    const record = line.startsWith('{') ? toRecord(line) : undefined
    if (record === undefined) continue
    if (record.k !== 'output' || record.end === undefined) {
      records.push(record)
      continue
    }
    const { output, next } = rawOutput(text, from, record.end)
    records.push({ ...record, text: output })
    from = next
  }
  return { records, guardian }
}

function toRecord(line: string): TraceRecord | undefined {
  try {
    return JSON.parse(line) as TraceRecord
  } catch {
    // This line was being written when the worker died.
    return undefined
  }
}

/** Reads large output, which follows its record as it was written. */
function rawOutput(text: string, from: number, marker: string): { readonly output: string; readonly next: number } {
  const end = text.indexOf(`\n${marker}\n`, from)
  if (end >= 0) return { output: text.slice(from, end), next: end + marker.length + 2 }
  // The worker's death cut it off, so the guardian's lines are next.
  const rest = text.lastIndexOf('\n#died ')
  return rest < from ? { output: text.slice(from), next: from } : { output: text.slice(from, rest), next: rest + 1 }
}

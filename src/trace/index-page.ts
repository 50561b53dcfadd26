import { escapeControls } from '../base/escape.js'
import { sha256 } from './sha256.js'

// The page that lists the traces of a folder. It has no script: its rows are part of the file.

/** One trace, as the list shows it. */
export interface IndexEntry {
  /** The name of the file, which lies beside the list. */
  readonly trace: string
  readonly state: 'failed' | 'passed' | 'interrupted'
  readonly name: readonly string[]
  readonly file?: string | undefined
  readonly project?: string | undefined
  readonly retry?: number | undefined
  /** ms since 1970. */
  readonly at: number
  /** ms. Unknown if the worker died. */
  readonly durationMs?: number | undefined
  readonly commands?: number | undefined
  readonly leaks?: number | undefined
  readonly error?: string | undefined
}

const style = `
:root { color-scheme: light dark; --page: light-dark(#f6f6f4, #101214); --panel: light-dark(#fff, #17191d);
  --text: light-dark(#1b1d21, #e6e8eb); --muted: light-dark(#646a73, #98a0ab); --line: light-dark(#dfe0dd, #2b2f36);
  --bad: light-dark(#c2261d, #ff7a70); --good: light-dark(#1a7f4b, #55cf8c); --link: light-dark(#2459b3, #79adff) }
body { margin: 0 auto; max-width: 1100px; padding: 16px; background: var(--page); color: var(--text);
  font: 14px/1.45 system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif }
h1 { font-size: 18px; margin: 0 } p { margin: 4px 0 14px; color: var(--muted) }
table { width: 100%; border-collapse: collapse; background: var(--panel); border: 1px solid var(--line) }
th, td { padding: 8px 10px; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line) }
th { font-size: 12px; color: var(--muted); font-weight: 600 }
a { color: var(--link); font-weight: 600; overflow-wrap: anywhere }
small { display: block; color: var(--muted); overflow-wrap: anywhere }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.state { font-weight: 650; white-space: nowrap } .failed, .interrupted, .leaks { color: var(--bad) } .passed { color: var(--good) }
.earlier { opacity: .6 } :focus-visible { outline: 2px solid var(--link); outline-offset: 2px }
@media (max-width: 640px) { body { padding: 10px } thead { display: none } table, tbody { display: block }
  tr { display: grid; grid-template-columns: 1fr auto auto; border-bottom: 1px solid var(--line); padding: 8px 0 }
  td { border: 0; padding: 2px 10px } .test { grid-column: 1 / -1; grid-row: 1 } .when { display: none } }
`
  .trim()
  .replaceAll(/\s*\n\s*/g, ' ')

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** A text as HTML. Nothing in it can control the page or hide what comes after it. */
const html = (text: string): string => escapeControls(text).replaceAll(/[&<>"]/g, (character) => entities[character]!)

const verdicts = { failed: 'failed', passed: 'passed', interrupted: 'the worker died' } as const

const duration = (ms: number | undefined): string =>
  ms === undefined ? '–' : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`

const time = (at: number): string => new Date(at).toISOString().replace('T', ' ').slice(0, 19)

const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`

function row(entry: IndexEntry, since: number): string {
  const { state, name, file, project, retry = 0, error, leaks = 0, trace } = entry
  const details = [file, project, retry > 0 ? `retry ${retry}` : ''].filter(Boolean).join(' · ')
  const cells = [
    `<td class="state ${state}">${verdicts[state]}</td>`,
    `<td class="test"><a href="${html(encodeURIComponent(trace))}">${html(name.join(' › ') || trace)}</a><small>${html(details)}</small>${error === undefined ? '' : `<small class="failed">${html(error)}</small>`}</td>`,
    `<td class="number${leaks > 0 ? ' leaks' : ''}">${leaks > 0 ? count(leaks, 'leak') : ''}</td>`,
    `<td class="number">${duration(entry.durationMs)}</td>`,
    `<td class="number when">${time(entry.at)}</td>`,
  ]
  return `<tr${entry.at < since ? ' class="earlier"' : ''}>${cells.join('')}</tr>`
}

/** How many tests of the newest run have each state. */
const summaryOf = (entries: readonly IndexEntry[], since: number): string => {
  const own = entries.filter(({ at }) => at >= since)
  const leaks = own.reduce((sum, entry) => sum + (entry.leaks ?? 0), 0)
  const of = (state: IndexEntry['state']): number => own.filter((entry) => entry.state === state).length
  return [
    of('failed') > 0 ? `${of('failed')} failed` : '',
    of('interrupted') > 0 ? `${of('interrupted')} whose worker died` : '',
    of('passed') > 0 ? `${of('passed')} passed` : '',
    leaks > 0 ? count(leaks, 'leak') : '',
    own.length < entries.length ? `${entries.length - own.length} of earlier runs` : '',
  ]
    .filter((text) => text !== '')
    .join(', ')
}

const order = { interrupted: 0, failed: 1, passed: 2 } as const

/** The page. `since`: when the run began; older traces are from an earlier one. */
export function indexPage(entries: readonly IndexEntry[], since: number): string {
  const sorted = entries.toSorted(
    (a, b) => Number(a.at < since) - Number(b.at < since) || order[a.state] - order[b.state] || a.at - b.at,
  )
  const hash = sha256(style, 'base64')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>proctor traces</title>
<style>${style}</style>
</head>
<body>
<h1>Traces</h1>
<p>${html(summaryOf(sorted, since))}</p>
<table>
<thead><tr><th scope="col">verdict</th><th scope="col">test</th><th scope="col" class="number">leaks</th><th scope="col" class="number">duration</th><th scope="col" class="number">when (UTC)</th></tr></thead>
<tbody>
${sorted.map((entry) => row(entry, since)).join('\n')}
</tbody>
</table>
</body>
</html>
`
}

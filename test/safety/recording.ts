import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * A global set-up of our own tests: over the whole run, the inner runners included, no signal of this package goes to
 * anything but a process of its own. The recorder is recorder.mjs; here the run is judged.
 */
export default function setup(): (() => void) | undefined {
  if (process.platform !== 'linux') return undefined
  const folder = mkdtempSync(join(tmpdir(), 'proctors-record-'))
  process.env['PROCTOR_TEST_RECORD'] = folder
  const boot = Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0])
  process.env['PROCTOR_TEST_RECORD_SINCE'] = String(Math.floor(boot * 100))
  return () => {
    const text = readLog(join(folder, 'signals.log'))
    rmSync(folder, { recursive: true })
    const lines = text.split('\n').filter((line) => line !== '')
    const counts = new Map<string, number>()
    for (const line of lines) {
      const what = line.startsWith('!') ? line : line.split('\t')[0]!
      counts.set(what, (counts.get(what) ?? 0) + 1)
    }
    const summary = [...counts].map(([what, count]) => `  ${count} x ${what}`).join('\n')
    process.stdout.write(`\nSignals that were sent, by what got them:\n${summary}\n`)
    if (lines.some((line) => line.startsWith('!'))) {
      process.stderr.write('A signal went to something that is none of a command’s processes.\n')
      process.exitCode = 1
    }
  }
}

function readLog(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // No signal was sent.
  }
}

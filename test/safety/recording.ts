import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * A global set-up of our own tests. Over the whole run, inner runners included, this package must signal nothing but
 * processes of its own. recorder.cjs records the signals, and this file judges the run.
 */
export default function setup(): (() => void) | undefined {
  // Once only, however many projects ask for it.
  if (process.platform !== 'linux' || process.env['PROCTOR_TEST_RECORD'] !== undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'proctors-record-'))
  // Some tests run as another user.
  chmodSync(folder, 0o777)
  process.env['PROCTOR_TEST_RECORD'] = folder
  const boot = Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0])
  process.env['PROCTOR_TEST_RECORD_SINCE'] = String(Math.floor(boot * 100))
  return () => {
    const text = readdirSync(folder)
      .map((file) => readFileSync(join(folder, file), 'utf8'))
      .join('')
    // The last guardians may still be at work.
    rmSync(folder, { recursive: true, maxRetries: 20, retryDelay: 50 })
    delete process.env['PROCTOR_TEST_RECORD']
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

import { execFile } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

// Debian's Chromium, without a window.

const run = promisify(execFile)

/** What a page has become once its scripts have run, and what they complained of. */
export interface Rendered {
  readonly html: string
  /** Errors and refusals that the page wrote to the console. */
  readonly complaints: readonly string[]
}

/** Opens a page and gives its elements after `ms` of its own time. */
export async function render(url: string, ...more: readonly string[]): Promise<Rendered> {
  const profile = mkdtempSync(join(tmpdir(), 'proctors-chromium-'))
  try {
    const { stdout, stderr } = await run(
      'chromium',
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--no-first-run',
        `--user-data-dir=${profile}`,
        '--enable-logging=stderr',
        '--virtual-time-budget=4000',
        '--window-size=1280,860',
        ...more,
        '--dump-dom',
        url,
      ],
      { maxBuffer: 256 * 1024 * 1024, timeout: 60_000, killSignal: 'SIGKILL' },
    )
    return { html: stdout, complaints: stderr.split('\n').filter((line) => line.includes(':CONSOLE')) }
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }
}

import { mkdtempSync, writeFileSync } from 'node:fs'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { EmulatedScreen } from '../../../src/terminal/screen.js'
import { Chromium } from '../../chromium.js'
import { inRoot } from '../../inner-run.js'
import { needs } from '../../needs.js'

let chromium: Chromium | undefined
const folder = mkdtempSync(join(tmpdir(), 'proctors-svg-'))
afterAll(async () => {
  await chromium?.close()
  rmSync(folder, { recursive: true, force: true })
})

/** One text of a picture: its characters, how many of them Chromium draws, its position, and its width. */
interface Drawn {
  readonly text: string
  readonly drawn: number
  readonly x: number
  readonly width: number
}

async function drawnIn(svg: string): Promise<Drawn[]> {
  const file = join(folder, 'picture.html')
  writeFileSync(file, `<!doctype html><html data-ready><meta charset="utf-8">${svg}</html>`)
  chromium ??= new Chromium()
  const page = await chromium.open(pathToFileURL(file).href)
  const shown = `[...document.querySelectorAll('text')].map((text) => ({
    text: text.textContent,
    drawn: text.getNumberOfChars(),
    x: text.getStartPositionOfChar(0).x,
    width: Math.round(text.getComputedTextLength()),
  }))`
  return page.evaluate<Drawn[]>(shown)
}

function picture(text: string, columns = 24): string {
  const screen = new EmulatedScreen({ columns, rows: 4 })
  screen.draw(Buffer.from(text))
  return screen.toSVG()
}

const nbsp = '\u00a0'

test('every character of a picture is drawn in its own column', async () => {
  needs('chromium')
  const runs = await drawnIn(
    picture(
      '  two  blanks \x1b[31m red  \x1b[0m end\r\n\x1b[4m  under  lined  \x1b[0m\r\n漢 a  b\r\n\x1b[7m on paper \x1b[0m',
    ),
  )

  expect(runs.map(({ text, x }) => [text, (x - 12) / 9])).toEqual([
    [`two${nbsp}${nbsp}blanks`, 2],
    ['red', 15],
    ['end', 21],
    [`${nbsp}${nbsp}under${nbsp}${nbsp}lined${nbsp}${nbsp}`, 0],
    ['漢', 0],
    [`a${nbsp}${nbsp}b`, 3],
    [`on${nbsp}paper`, 1],
  ])
  for (const { text, drawn } of runs) expect(drawn).toBe(text.length)
  for (const { text, width } of runs) expect(width).toBe((text === '漢' ? 2 : text.length) * 9)
})

test.each(readdirSync(inRoot('docs')).filter((name) => /^terminal-.*\.svg$/.test(name)))(
  'docs/%s: every character is drawn',
  async (name) => {
    needs('chromium')
    const runs = await drawnIn(readFileSync(inRoot(`docs/${name}`), 'utf8'))

    expect(runs.length).toBeGreaterThan(5)
    expect(runs.filter(({ text, drawn }) => drawn !== text.length)).toEqual([])
  },
)

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { Chromium, type Page } from '../chromium.js'
import { inRoot, runVitest } from '../inner-run.js'
import { makeFolder, removeFolder } from '../machine.js'
import { readTraceFile, type TraceModel } from '../trace-model.js'

// One trace of a test that does a bit of everything: what the writer recorded, and what the page shows of it.

vi.setConfig({ testTimeout: 60_000 })

const folder = makeFolder()
const traces = join(folder, 'of this run')
let chromium: Chromium
let path: string
let model: TraceModel
let output: string

beforeAll(async () => {
  chromium = new Chromium()
  const env = { TMPDIR: folder, TRACE_DIR: traces, TRACE_RUN: 'yes' }
  ;({ output } = await runVitest('trace', { env, args: ['rich.test.ts'] }))
  path = join(
    traces,
    readdirSync(traces).find((name) => /^rich-test--.*\.html$/.test(name))!,
  )
  model = readTraceFile(path)
}, 150_000)

afterAll(async () => {
  await chromium.close()
  await removeFolder(folder)
})

const open = (hash = '', options = {}): Promise<Page> => chromium.open(`${pathToFileURL(path).href}${hash}`, options)
const textOf = (selector: string): string => `document.querySelector(${JSON.stringify(selector)}).textContent`
const textsOf = (selector: string): string =>
  `[...document.querySelectorAll(${JSON.stringify(selector)})].map((each) => each.textContent)`
const click = (selector: string): string => `document.querySelector(${JSON.stringify(selector)}).click()`
/** Drags along an element, from one fraction of its width to another. */
const drag = (selector: string, from: number, to: number): string => `{
  const target = document.querySelector(${JSON.stringify(selector)})
  const { left, top, width } = target.getBoundingClientRect()
  target.setPointerCapture = () => {}
  for (const [type, part] of [['pointerdown', ${from}], ['pointermove', ${to}], ['pointerup', ${to}]])
    target.dispatchEvent(new PointerEvent(type, { bubbles: true, pointerId: 1, clientX: left + part * width, clientY: top + 5 }))
}`

const lineOf = (text: string): number =>
  readFileSync(inRoot('fixtures/suites/trace/rich.test.ts'), 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text)) + 1

describe('what is recorded', () => {
  test('every call of the test, with its line', () => {
    const calls = model.actions.map(({ kind, what, site }) => [kind, what.split('(')[0], site?.line])
    expect(calls).toEqual([
      ['file', 'workspace.write', lineOf('workspace.write')],
      ['run', 'run sh ask.sh', lineOf("run('sh', ['ask.sh']")],
      ['wait', 'waitForScreen', lineOf("waitForScreen('name:')")],
      ['input', 'press', lineOf("press('b'")],
      ['wait', 'waitForScreen', lineOf("'hello bob')")],
      ['input', 'press', lineOf("press('Enter')")],
      ['wait', 'waitForExit', lineOf('waitForExit()')],
      ['run', 'run node src/server.mjs', lineOf("run('node'")],
      ['wait', 'waitForOutput', lineOf("waitForOutput('listening')")],
      ['wait', 'waitForPort', lineOf('waitForPort()')],
      ['expect', 'expect', lineOf('toHaveOutput')],
      ['run', expect.stringMatching(/^run sh -c/), lineOf("run('sh', ['-c'")],
      ['wait', 'waitForOutput', lineOf("waitForOutput('up')")],
      ['signal', 'signal', lineOf("signal('SIGHUP')")],
      ['wait', 'waitForOutput', lineOf("waitForOutput('reloaded')")],
      ['end', 'terminate', lineOf('terminate()')],
      ['expect', 'expect', lineOf('nothing of the kind')],
      ['expect', 'expect', lineOf('no such line')],
      ['input', 'endInput', lineOf('endInput()')],
      ['wait', 'waitForOutput', lineOf("waitForOutput('never')")],
    ])
    expect(model.actions.every(({ site }) => site?.file === 'rich.test.ts')).toBe(true)
    // A matcher that does not hold is red in the list. One under `.not` that does not hold is not.
    expect(model.actions.map(({ error }) => error).filter((error) => error !== undefined)).toEqual([
      'AssertionError',
      'UnexpectedExitError',
    ])
    for (const { start, end } of model.actions) expect(end).toBeGreaterThanOrEqual(start)
  })

  test('the lines around each call, without a value of the environment', () => {
    const [{ file, from, lines }] = model.sources as [TraceModel['sources'][number]]
    expect(file).toBe('rich.test.ts')
    const source = readFileSync(inRoot('fixtures/suites/trace/rich.test.ts'), 'utf8')
    const masked = source.replace('hunter2-in-the-source', '$API_TOKEN').split('\n')
    expect(lines).toEqual(masked.slice(from - 1, from - 1 + lines.length))
    expect(readFileSync(path, 'utf8')).not.toContain('hunter2-in-the-source')
    const errors = model.end!.errors.map(({ name, site }) => [name, site?.line])
    expect(errors).toEqual([
      ['UnexpectedExitError', lineOf("waitForOutput('never')")],
      ['LeakedProcessError', lineOf("run('node'")],
    ])
  })

  test('which process opened which port, and when', () => {
    const server = model.processes.find(({ commands }) =>
      commands.some(({ command }) => command.includes('server.mjs')),
    )!
    const [{ port, t }] = server.ports as [TraceModel['processes'][number]['ports'][number]]
    expect(server.ports).toHaveLength(1)
    expect(t).toBeGreaterThan(server.start)
    expect(model.rows.map(({ text }) => text)).toContain(`port ${port} opened by ${server.pid} node src/server.mjs`)
  })

  test('a call before the first command is at the beginning of the time line', () => {
    const [write, run] = model.actions
    expect(write!.start).toBe(0)
    expect(run!.start).toBeGreaterThanOrEqual(write!.end!)
  })
})

describe('the page', () => {
  test('is one file of at most 100 kB without its data, and asks for nothing', async () => {
    expect(readFileSync(inRoot('dist/trace-page.html')).length).toBeLessThanOrEqual(100_000)
    expect((await open()).complaints).toEqual([])
  })

  test('a click on an action shows its call, its process, its time and its output', async () => {
    const page = await open()
    expect(await page.evaluate(textOf('#call pre'))).toBe('waitForOutput("never")')
    expect(await page.evaluate(textOf('#call .here'))).toContain("await server.waitForOutput('never')")
    const index = model.actions.findIndex(({ what }) => what.startsWith('waitForPort'))
    await page.evaluate(click(`#action-${index}`))
    expect(await page.evaluate(textOf('#call .here'))).toContain('await server.waitForPort()')
    const server = model.processes.find(({ isLeader, c }) => isLeader && c === 2)!
    expect(await page.evaluate(textOf('#details h3'))).toBe(String(server.pid))
    expect(Number(await page.evaluate(textOf('.line.current .time'))) * 1000).toBeGreaterThanOrEqual(
      Math.floor(model.actions[index]!.start) - 1,
    )
    // The list is one tab stop of the keyboard, and announces the selected item.
    await page.press('a')
    await page.press('ArrowDown')
    expect(await page.evaluate('document.activeElement.getAttribute("aria-activedescendant")')).toBe(
      `action-${index + 1}`,
    )
    expect(await page.evaluate(textOf('#call pre'))).toContain('toHaveOutput')
    expect(page.complaints).toEqual([])
  })

  test('a terminal has a film strip with the names of the keys, and its raw output is folded', async () => {
    const page = await open()
    expect(await page.evaluate<string[]>(textsOf('.film kbd'))).toEqual(['bob', 'Enter', 'Enter'])
    expect(await page.evaluate<number>("document.querySelectorAll('.frame img').length")).toBe(
      model.commands[0]!.screens.length,
    )
    expect(await page.evaluate<string[]>(textsOf('.line.fold .text'))).not.toEqual([])
    expect(await page.evaluate<string[]>(textsOf('.line.input .text'))).toEqual(['bob Enter', 'Enter'])
    const stdout = "document.querySelectorAll('.line.stdout').length"
    const before = await page.evaluate<number>(stdout)
    await page.evaluate(click('#raw'))
    expect(await page.evaluate<number>(stdout)).toBeGreaterThan(before)
    await page.evaluate(click('.frame'))
    expect(await page.evaluate(textOf('[role=tab][aria-selected=true]'))).toBe('Screens')
    expect(await page.evaluate(textOf('#panel-screens output'))).toMatch(/ 1 of \d+$/)
    expect(page.complaints).toEqual([])
  })

  test('a range of time filters the output, by pointer and by keys', async () => {
    const page = await open()
    const times = "[...document.querySelectorAll('.line .time')].map((each) => Number(each.textContent))"
    const all = await page.evaluate<number[]>(times)
    await page.evaluate(drag('#axis', 0.5, 0.6))
    const some = await page.evaluate<number[]>(times)
    expect(some.length).toBeLessThan(all.length)
    expect(await page.evaluate('document.getElementById("range").hidden')).toBe(false)
    await page.evaluate(click('#range'))
    expect(await page.evaluate<number[]>(times)).toEqual(all)
    await page.evaluate(click('.line'))
    await page.press('t')
    await page.press(']')
    expect((await page.evaluate<number[]>(times)).every((time) => time <= all[0]! + 0.001)).toBe(true)
    await page.press('Escape')
    expect(await page.evaluate<number[]>(times)).toEqual(all)
    expect(page.complaints).toEqual([])
  })

  test('long lines wrap, one on top of the other', async () => {
    const page = await open('#search=listening x')
    await page.evaluate(click('#wrap'))
    await page.evaluate('new Promise((done) => setTimeout(done, 100))')
    const boxes = await page.evaluate<[number, number][]>(
      "[...document.querySelectorAll('.line')].map((each) => [each.offsetTop, each.offsetHeight]).sort((a, b) => a[0] - b[0])",
    )
    expect(Math.max(...boxes.map(([, height]) => height))).toBeGreaterThan(60)
    const gaps = boxes.slice(1).map(([top], index) => Math.abs(top - boxes[index]![0] - boxes[index]![1]))
    expect(Math.max(...gaps)).toBeLessThan(1.5)
    expect(page.complaints).toEqual([])
  })

  test('the output of one process in a click, and the command to run it by hand', async () => {
    const page = await open()
    const server = model.processes.find(({ isLeader, c }) => isLeader && c === 2)!
    await page.evaluate(click(`#action-${model.actions.findIndex(({ what }) => what.startsWith('waitForPort'))}`))
    const buttons = await page.evaluate<string[]>(textsOf('#details .buttons button'))
    expect(buttons).toEqual(['only its output', 'copy command'])
    await page.evaluate(click('#details .buttons button'))
    expect([...new Set(await page.evaluate<string[]>(textsOf('.line .of')))]).toEqual(['2'])
    await page.evaluate(
      'Object.defineProperty(navigator, "clipboard", { value: { writeText: (text) => (globalThis.copied = text, Promise.resolve()) } })',
    )
    await page.evaluate(click('#details .buttons button:last-child'))
    expect(await page.evaluate('globalThis.copied')).toBe(`cd ${model.meta.workspace} && node src/server.mjs`)
    expect(await page.evaluate(textOf('.error .error-title'))).toBe(
      'UnexpectedExitError: Process unexpectedly exited with exit code 0',
    )
    await page.evaluate(click('.error .copy'))
    expect(await page.evaluate('globalThis.copied')).toContain(`at rich.test.ts:${lineOf("waitForOutput('never')")}`)
    expect(server.pid).toBeGreaterThan(0)
    expect(page.complaints).toEqual([])
  })

  test('what all environments have in common is shown once', async () => {
    const page = await open('#tab=environment')
    const text = await page.evaluate<string>(textOf('#panel-environment'))
    expect(text.match(/VITEST_POOL_ID/g)).toHaveLength(1)
    const titles = await page.evaluate<string[]>(textsOf('#panel-environment h3'))
    expect(titles[0]).toBe('All 3 commands')
    expect(titles).toContain('2  node src/server.mjs')
    expect(text.match(/API_TOKEN/g)).toHaveLength(1)
  })

  test('it names the parts for a screen reader', async () => {
    const page = await open()
    await page.evaluate(click('#show-legend'))
    expect(await page.evaluate('document.getElementById("help").open')).toBe(true)
    expect(await page.evaluate(textOf('#help'))).toMatch(/process group.*orphan.*leak/s)
    expect(await page.evaluate<string[]>(textsOf('#help .legend li'))).toContain('the test’s end')
  })

  test.each(['light', 'dark'] as const)('on a phone nothing is cut without a sign, in %s', async (scheme) => {
    const phone = await open('', { width: 390, height: 844, isPhone: true, scheme })
    expect(await phone.evaluate('document.documentElement.scrollWidth')).toBe(390)
    // An element that scrolls by itself has a shadow at each edge that hides something.
    const hidden = await phone.evaluate<string[]>(
      "[...document.querySelectorAll('.tabs, .error pre, .film')].filter((each) => each.scrollWidth > each.clientWidth && !each.classList.contains('scrolls')).map((each) => each.className)",
    )
    expect(hidden).toEqual([])
    // Errors are shown whole. A still is as wide as it can be, so that 60 columns are readable.
    expect(
      await phone.evaluate(
        "document.querySelector('#errors').scrollHeight - document.querySelector('#errors').clientHeight",
      ),
    ).toBeLessThanOrEqual(1)
    expect(await phone.evaluate("document.querySelector('.frame img').clientWidth")).toBeGreaterThan(300)
    await phone.evaluate(click('#tab-actions'))
    expect(await phone.evaluate<string[]>(textsOf('.action .where'))).toHaveLength(model.actions.length)
    await phone.evaluate(click('#action-0'))
    expect(await phone.evaluate(textOf('[role=tab][aria-selected=true]'))).toBe('Details')
    const heights = await phone.evaluate<number[]>(
      "[...document.querySelectorAll('button, select')].filter((each) => each.offsetParent !== null).map((each) => each.offsetHeight)",
    )
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(34)
    expect(phone.complaints).toEqual([])
  })
})

describe('the list of a run’s traces', () => {
  test('has a row for each, is named once, and has no script', async () => {
    const index = join(traces, 'index.html')
    const named = output.split('\n').filter((line) => /^proctor: \d+ traces?: /.test(line))
    expect(named).toEqual([`proctor: 1 trace: ${index}`])
    const html = readFileSync(index, 'utf8')
    expect(html).not.toMatch(/<script|https?:\/\//)
    expect(html).toContain("default-src 'none'")
    const page = await chromium.open(pathToFileURL(index).href, { isStatic: true })
    expect(await page.evaluate<string[]>(textsOf('tbody td'))).toEqual([
      'failed',
      expect.stringMatching(/^asks for a name.*rich\.test\.ts.*UnexpectedExitError/),
      '1 leak',
      expect.stringMatching(/ m?s$/),
      expect.stringMatching(/^\d{4}-/),
    ])
    expect(await page.evaluate("document.querySelector('tbody a').href")).toBe(pathToFileURL(path).href)
    expect(page.complaints).toEqual([])
  })

  test('traces of earlier runs and of dead workers stay in it; other files do not appear', async () => {
    const dead = readFileSync(path, 'utf8').replace(/\{"k":"end"[^]*$/, '#died 99.5\n</script>\n')
    writeFileSync(join(traces, 'dead-worker.html'), dead)
    writeFileSync(join(traces, 'stranger.html'), '<p>not one of ours')
    const env = { TMPDIR: folder, TRACE_DIR: traces, TRACE_RUN: 'yes', TRACE_MODE: 'on' }
    const again = await runVitest('trace', { env, args: ['trace.test.ts', '-t', 'passes'] })
    expect(again.output).toContain(`proctor: 1 trace: ${join(traces, 'index.html')}`)
    const page = await chromium.open(pathToFileURL(join(traces, 'index.html')).href, { isStatic: true })
    expect(await page.evaluate<string[]>(textsOf('tbody tr .state'))).toEqual(['passed', 'the worker died', 'failed'])
    expect(await page.evaluate<number>("document.querySelectorAll('tr.earlier').length")).toBe(2)
    expect(await page.evaluate(textOf('p'))).toBe('1 passed, 2 of earlier runs')
    // The last process to leave removes the folder of records. If that is a guardian, it does so a moment after the end
    // of the run.
    const records = join(folder, `proctor-${process.getuid!()}`)
    await expect.poll(() => existsSync(records), { timeout: 10_000 }).toBe(false)
  }, 100_000)
})

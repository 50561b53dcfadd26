import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createProctor } from 'proctor'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { Chromium, type Page } from '../chromium.js'
import { inRoot, runVitest, startInner, startVitest } from '../inner-run.js'
import {
  eventually,
  expectNothingLeft,
  makeFolder,
  numberIn,
  promisedTime,
  removeFolder,
  uniqueNumber,
} from '../machine.js'
import { needs } from '../needs.js'
import { readTraceFile, type TraceModel } from '../trace-model.js'

// Traces of real runs, read as data and as a browser shows them.

interface Place {
  /** TMPDIR of the run. */
  readonly folder: string
  readonly traces: string
  readonly env: NodeJS.ProcessEnv
}

function place(more: NodeJS.ProcessEnv = {}): Place {
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  const traces = join(folder, 'of this run')
  return { folder, traces, env: { TMPDIR: folder, TRACE_DIR: traces, ...more } }
}

const tracesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder).toSorted() : [])

/** The guardian, which is gone within 300 ms of its worker, removes what is left in the temporary folder. */
const expectNoDrafts = (folder: string): Promise<true> =>
  eventually(
    () => (readdirSync(folder).some((name) => name.startsWith('proctor-')) ? undefined : true),
    `nothing of ours in ${folder}`,
    promisedTime,
  )

/** Waits until the draft of a trace contains its output and some processes: events are written a moment later. */
const draftOf = (folder: string, output: string, processes: number): Promise<true> => {
  const own = join(folder, `proctor-${process.getuid!()}`)
  return eventually(() => {
    const drafts = readdirSync(own).map((name) => readFileSync(join(own, name), 'utf8'))
    const isThere = (draft: string): boolean =>
      draft.split('"k":"process"').length > processes &&
      draft.split('\n').some((line) => line.includes('"k":"output"') && line.includes(output))
    return drafts.some(isThere) ? true : undefined
  }, 'the draft of a trace')
}

const nameOf = (command: string): string => command.replace(/^\S*\//, '')

let chromium: Chromium | undefined
const browser = (): Chromium => (chromium ??= new Chromium())
afterAll(() => chromium?.close())

const textOf = (selector: string): string => `document.querySelector(${JSON.stringify(selector)}).textContent`

/** The elements of a page's body, except its data. */
const bodyOfPage = "document.getElementById('trace').remove(), document.body.innerHTML"

/** Everything can be done without a mouse. */
async function expectKeys(page: Page): Promise<void> {
  const focused = 'document.activeElement.id'
  await page.press('t')
  expect(await page.evaluate(focused)).toBe('rows')
  await page.press('End')
  await page.press('Enter')
  const selected = await page.evaluate<string>("document.querySelector('.label[aria-selected=true]').textContent")
  expect(selected).toContain(await page.evaluate<string>(textOf('#details h3')))
  await page.press('+')
  await page.press('ArrowRight')
  await page.press('0')
  await page.press('/')
  expect(await page.evaluate(focused)).toBe('search')
  for (const key of 'typed') await page.press(key)
  await page.evaluate('new Promise((done) => setTimeout(done, 200))')
  expect(await page.evaluate(textOf('#search-state'))).toBe('1 of 2')
  await page.press('Enter')
  expect(await page.evaluate(textOf('#search-state'))).toBe('2 of 2')
  expect(await page.evaluate(textOf('mark'))).toBe('typed')
  await page.press('Escape')
  await page.press('?')
  expect(await page.evaluate("document.getElementById('help').open")).toBe(true)
  await page.press('Escape')
  await page.press('4')
  expect(await page.evaluate(textOf('[role=tab][aria-selected=true]'))).toBe('Files 3')
  await page.press('ArrowRight')
  expect(await page.evaluate(textOf('[role=tab][aria-selected=true]'))).toBe('Environment')
  await page.press('l')
  expect(await page.evaluate(focused)).toBe('log')
}

/**
 * On a phone, nothing is wider than the screen except what scrolls by itself, and buttons are large enough for a
 * finger.
 */
async function expectPhone(url: string): Promise<void> {
  const phone = await browser().open(url, { width: 390, height: 844, isPhone: true })
  expect(await phone.evaluate('document.documentElement.scrollWidth')).toBe(390)
  const heights = await phone.evaluate<number[]>(
    "[...document.querySelectorAll('button, select')].filter((each) => each.offsetParent !== null).map((each) => each.offsetHeight)",
  )
  expect(Math.min(...heights)).toBeGreaterThanOrEqual(34)
  expect(phone.complaints).toEqual([])
}

/** The trace of the test that passes. Its name is the same in every run and on every machine. */
const passedName = `trace-test--passes-${createHash('sha256').update('\0trace.test.ts\0passes').digest('hex').slice(0, 8)}.html`

const secret = 'hunter2-in-the-environment'
const ordinary = ['-t', 'a server|passes|runs nothing|the first|the second']

describe.each(['forks', 'threads'] as const)('in the pool %s', (pool) => {
  test('only a failed test has a trace', async () => {
    needs('chromium')
    const { folder, traces, env } = place({
      UNRELATED_SETTING: 'value-of-the-worker',
      DEPLOY_TOKEN: 'token-of-the-worker',
    })
    const first = await runVitest('trace', { pool, env, args: ordinary })
    const [shared, file, ...others] = tracesIn(traces)
    expect(others).toEqual([])
    expect(shared).toMatch(/^shared-test--shared-by-the-whole-file-[0-9a-f]{8}\.html$/)
    expect(readTraceFile(join(traces, shared!)).rows.map(({ text }) => text)).toContain('shared')
    expect(file).toMatch(/^trace-test--a-server-leaves-script-two-behind-fails-[0-9a-f]{8}\.html$/)
    const path = join(traces, file!)
    expect(first.output).toContain(`proctor: trace: ${path}\n`)
    expect(first.output).toContain(`  trace  ${path}\n`)
    await expectNoDrafts(folder)

    const html = readFileSync(path, 'utf8')
    for (const value of [secret, 'plain-value-of-a-variable', 'value-of-the-worker', 'token-of-the-worker']) {
      expect(html).not.toContain(value)
    }
    const model = readTraceFile(path)
    expect(model.state).toBe('failed')
    expect(model.meta).toMatchObject({
      name: ['a server', 'leaves </script> two behind & fails'],
      file: 'trace.test.ts',
    })
    const [server, asked] = model.commands
    expect(server!.env?.added).toEqual(expect.arrayContaining(['API_TOKEN', 'PLAIN']))
    expect(server!.env?.removed).toContain('VITEST')
    expect(asked!.command).toContain('$API_TOKEN')
    expect(asked!.command).not.toContain(secret)

    const [leader, ...rest] = model.processes
    expect(nameOf(leader!.commands[0]!.command)).toBe('node server.mjs')
    const worker = rest.find(({ commands }) => commands.at(-1)!.command.endsWith('worker.mjs'))!
    const daemon = rest.find(({ commands }) => commands.at(-1)!.command === 'sleep 600')!
    expect([worker.parent, daemon.parent]).toEqual([leader!.id, leader!.id])
    expect(worker).toMatchObject({
      leftAt: undefined,
      finding: { place: 'left behind in the group', outcome: 'SIGTERM' },
    })
    expect(daemon.leftAt).toBeTypeOf('number')
    expect(daemon.finding).toMatchObject({ place: 'left the group (own session)', outcome: 'SIGTERM' })
    for (const each of [worker, daemon]) {
      expect(each.start).toBeGreaterThanOrEqual(leader!.start)
      expect(each.orphanedAt).toBeGreaterThan(each.start)
      expect(each.end).toBeGreaterThan(leader!.end!)
    }
    expect(model.commands[2]!.marks.map(({ signal, to, by }) => [signal, to, by])).toEqual([
      ['SIGHUP', 'leader', 'test'],
      ['SIGTERM', 'tree', 'test'],
    ])
    expect(model.commands.map(({ exit }) => exit?.code ?? exit?.signal)).toEqual([0, 0, 'SIGTERM'])
    const lines = model.rows.map(({ kind, text }) => `${kind} ${text}`)
    expect(lines).toEqual(
      expect.arrayContaining([
        'stdout worker is up',
        'stderr warning: \u001B[31mred\u001B[39m </script><b onclick=alert(1)>bold</b> <!--',
        'stdout $API_TOKEN typed by the test',
        'input typed by the test\n',
        'event waitForOutput("never"): UnexpectedExitError',
      ]),
    )
    expect(model.files.find(({ path: name }) => name === 'page.html')).toMatchObject({
      text: '<script>alert(1)</script>',
    })
    expect(model.end!.errors.map(({ name }) => name)).toEqual(['UnexpectedExitError', 'LeakedProcessError'])

    if (pool === 'threads') return
    const url = pathToFileURL(path).href
    const page = await browser().open(url)
    const shown = await page.evaluate<string>(bodyOfPage)
    expect(shown).toContain('<span id="state" class="state failed">failed</span>')
    expect(shown).toContain('<h1 id="title">leaves &lt;/script&gt; two behind &amp; fails</h1>')
    expect(shown).toMatch(
      /sleep 600<\/span><span class="badge bad">leaked<\/span><span class="badge left">left the group/,
    )
    expect(shown).toContain('<span class="c1">red</span>')
    expect(shown).toContain('&lt;/script&gt;&lt;b onclick=alert(1)&gt;bold')
    // The data created no elements, and the page requests nothing from the network.
    expect(shown).not.toMatch(/<b[ >]|<img|<link|<iframe|https?:\/\//)
    await expectKeys(page)
    expect(page.complaints).toEqual([])
    const found = await browser().open(`${url}#search=typed by`, { scheme: 'dark' })
    expect(await found.evaluate(textOf('#search-state'))).toBe('1 of 2')
    expect(await found.evaluate('getComputedStyle(document.body).color')).not.toBe(
      await page.evaluate('getComputedStyle(document.body).color'),
    )
    await expectPhone(url)

    // A test that passes removes what an earlier run left in the place of its trace, and nothing else.
    const stranger = join(traces, 'trace-test--passes-00000000.html')
    const own = join(traces, passedName)
    for (const each of [stranger, own]) writeFileSync(each, 'of an earlier run')
    const again = place({ TRACE_DIR: traces })
    await runVitest('trace', { env: again.env, args: ['-t', 'passes'] })
    expect(tracesIn(traces)).toEqual([shared, file, 'trace-test--passes-00000000.html'])
  }, 150_000)
})

test('the guardian finishes the trace of a killed worker', async () => {
  needs('chromium')
  const number = uniqueNumber()
  const scene = place()
  const ready = join(scene.folder, 'ready')
  const env = { ...scene.env, TRACE_NUMBER: number, TRACE_READY: ready }
  const run = startVitest('trace', { env, args: ['-t', 'worker killed'] })
  const worker = await numberIn(ready)
  await draftOf(scene.folder, 'up and', 3)
  process.kill(worker, 'SIGKILL')
  await expectNothingLeft(number, scene.folder)
  await run.result
  const [file, ...others] = await eventually(() => {
    const traces = tracesIn(scene.traces)
    return traces.length > 0 ? traces : undefined
  }, 'a trace')
  expect(others).toEqual([])
  await expectNoDrafts(scene.folder)
  const path = join(scene.traces, file!)
  const model = readTraceFile(path)
  expect(model).toMatchObject({ state: 'interrupted', files: [{ path: 'state.json', size: 2 }] })
  expect(model.died).toBeGreaterThan(0)
  expect(model.rows.map(({ text }) => text)).toContain('up and </running>')
  expect(model.processes.length).toBeGreaterThanOrEqual(3)
  for (const process of model.processes) expect(process.end).toBe(model.died)
  expect(model.processes.map(({ finding }) => finding)).toContainEqual({
    place: 'killed by the guardian',
    outcome: 'SIGKILL',
  })
  const page = await browser().open(pathToFileURL(path).href)
  expect(await page.evaluate(textOf('#state'))).toBe('the worker died')
  expect(await page.evaluate(textOf('#errors'))).toContain(`The test worker ${worker} died before this test ended.`)
  expect(page.complaints).toEqual([])
}, 150_000)

test('a worker that exits in the middle of a test has written what had happened', async () => {
  const scene = place()
  const program = `
    import { createProctor } from 'proctor'
    const proctor = await createProctor({ trace: 'on', traceDir: ${JSON.stringify(scene.traces)} })
    proctor.run('sleep', ['600'])
    process.exit()`
  const args = ['--input-type=module', '-e', program]
  const { output } = await startInner(process.execPath, args, { cwd: inRoot(''), env: scene.env }).result
  expect(output).toContain('nobody tore down')
  // The guardian is still writing it when it appears.
  const { state, commands } = await eventually(() => {
    const [trace] = tracesIn(scene.traces)
    const read = trace === undefined ? undefined : readTraceFile(join(scene.traces, trace))
    return read?.state === 'open' ? undefined : read
  }, 'a finished trace')
  expect([state, commands.map(({ command }) => command)]).toEqual(['interrupted', ['sleep 600']])
})

describe('by hand', () => {
  const commandsOf = async (
    options: Parameters<typeof createProctor>[0],
    use: (proctor: Awaited<ReturnType<typeof createProctor>>) => Promise<unknown>,
  ): Promise<{ traces: string[]; model: TraceModel | undefined }> => {
    const { traces } = place()
    const proctor = await createProctor({ trace: 'on', traceDir: traces, ...options })
    await use(proctor)
    const { trace } = await proctor.teardown()
    return { traces: tracesIn(traces), model: trace === undefined ? undefined : readTraceFile(trace) }
  }

  test('`on` keeps that of a test that passes, `off` and `on-failure` do not', async () => {
    const runTrue = (proctor: Awaited<ReturnType<typeof createProctor>>): Promise<unknown> =>
      proctor.run('true').waitForSuccessfulExit()
    expect((await commandsOf({}, runTrue)).model).toMatchObject({ state: 'passed' })
    expect((await commandsOf({ trace: 'on-failure' }, runTrue)).traces).toEqual([])
    expect((await commandsOf({ trace: 'off' }, runTrue)).traces).toEqual([])
  })

  test('large output is complete, whatever it contains', async () => {
    const script = `
      const line = (n) => 'line ' + n + (n % 100 === 0 ? ' <b>€ \\r' : '') + '\\n'
      for (let n = 1; n <= 50000; n += 1) process.stdout.write(line(n))`
    const { model } = await commandsOf({}, (proctor) => proctor.run('node', ['-e', script]).waitForSuccessfulExit())
    const lines = model!.rows.filter(({ kind }) => kind === 'stdout').map(({ text }) => text)
    expect(lines).toEqual(
      Array.from({ length: 50_000 }, (_, n) => `line ${n + 1}${(n + 1) % 100 === 0 ? ' <b>€ \r' : ''}`),
    )
  })

  test('too much output is shown by its beginning, a count, and its end', async () => {
    const { model } = await commandsOf({}, (proctor) => proctor.run('seq', ['3000000']).waitForSuccessfulExit())
    const texts = model!.rows.map(({ text }) => text)
    expect(texts.slice(0, 3)).toEqual(['▶ seq 3000000', '1', '2'])
    expect(texts.filter((text) => / bytes of stdout are not in this trace/.test(text))).toHaveLength(1)
    expect(texts).toContain('3000000')
    expect(texts.length).toBeLessThan(2_000_000)
  }, 30_000)

  test('a terminal has screens', async () => {
    const { model } = await commandsOf({}, async (proctor) => {
      const shell = proctor.run(
        'sh',
        ['-c', 'printf "\\033[1;32mready\\033[0m\\n"; read answer; echo "said $answer"'],
        {
          terminal: true,
        },
      )
      await shell.waitForScreen('ready')
      await shell.write('yes\r')
      await shell.waitForExit()
    })
    const [{ screens, terminal }] = model!.commands as [TraceModel['commands'][number]]
    expect(terminal).toEqual({ columns: 80, rows: 24 })
    expect(screens.at(-1)!.svg).toMatch(/^<svg[^]*said\u00A0yes/)
  })

  test('a command that cannot be started says so', async () => {
    const { model } = await commandsOf({}, (proctor) =>
      expect(proctor.run('no-such-command').waitForExit()).rejects.toThrow('no such command'),
    )
    expect(model!.rows.map(({ text }) => text)).toEqual([
      '▶ no-such-command',
      'Cannot start no-such-command: no such command on PATH (ENOENT)',
      'waitForExit(): SpawnError',
    ])
  })

  test('any other value of trace is refused', async () => {
    await expect(createProctor({ trace: 'always' as 'on' })).rejects.toThrow(
      "createProctor: trace is \"always\". Accepted is 'off' or 'on-failure' or 'on'.",
    )
  })
})

test('500 processes and 100,000 lines open and scroll', async () => {
  needs('chromium')
  const { folder } = place()
  const data: object[] = [
    {
      k: 'trace',
      v: 1,
      name: ['large'],
      file: 'large.test.ts',
      at: 0,
      uptime: 0,
      workspace: '/w',
      containment: 'strict',
    },
    { k: 'command', t: 0, c: 1, command: 'node main.js', cwd: '.', env: { added: [], changed: [], removed: [] } },
    {
      k: 'process',
      t: 0,
      c: 1,
      p: 1,
      pid: 1000,
      ppid: 1,
      start: 0,
      command: 'node main.js',
      group: 1000,
      session: 1000,
      leader: true,
    },
  ]
  for (let p = 2; p <= 500; p += 1) {
    const own = p % 9 === 0 ? 1000 + p : 1000
    data.push({
      k: 'process',
      t: p,
      c: 1,
      p,
      pid: 1000 + p,
      ppid: 1000,
      parent: 1 + (p % 20 === 0 ? p - 2 : 0),
      start: p,
      command: `node worker-${p}.js`,
      group: own,
      session: own,
    })
  }
  for (let piece = 0; piece < 1000; piece += 1) {
    const text = Array.from({ length: 100 }, (_, n) => `line ${piece * 100 + n + 1} of the output\n`).join('')
    data.push({ k: 'output', t: 600 + piece, c: 1, s: piece % 10 === 0 ? 'stderr' : 'stdout', text })
  }
  data.push({ k: 'end', t: 1700, state: 'failed', errors: [], findings: [], files: [] })
  const path = join(folder, 'large.html')
  const text = data.map((line) => JSON.stringify(line)).join('\n')
  writeFileSync(path, `${readFileSync(inRoot('dist/trace-page.html'), 'utf8')}${text}\n</script>\n`)
  const url = pathToFileURL(path).href
  const page = await browser().open(url)
  const rows = (): Promise<number[]> =>
    page.evaluate("[...document.querySelectorAll('.label')].map((label) => Number(label.id.slice(4)))")
  const lines = (): Promise<number[]> =>
    page.evaluate(
      "[...document.querySelectorAll('.line .text')].map((text) => Number(/^line (\\d+)/.exec(text.textContent)?.[1]))",
    )
  expect(await page.evaluate(textOf('#legend-count'))).toBe('500 processes')
  expect(await page.evaluate(textOf('#search-state'))).toBe('100,000 lines')
  expect(await lines()).toContain(1)
  expect(await rows()).toContain(0)
  // Only the visible part is laid out, wherever the page is scrolled to.
  for (const part of [0.1, 0.5, 0.99]) {
    await page.evaluate(
      `for (const id of ['rows', 'log']) { const box = document.getElementById(id); box.scrollTop = box.scrollHeight * ${part} }`,
    )
    const [inRows, inLines] = [await rows(), await lines()]
    expect(inRows.some((row) => Math.abs(row - part * 500) < 40)).toBe(true)
    expect(inLines.some((line) => Math.abs(line - part * 100_000) < 100)).toBe(true)
    expect(inRows.length).toBeLessThan(60)
    expect(inLines.length).toBeLessThan(120)
  }
  const end = await browser().open(`${url}#search=line 99990 of&process=500`)
  expect(await end.evaluate(textOf('#search-state'))).toBe('1 of 1')
  expect(await end.evaluate("document.querySelector('.line.current .text').textContent")).toBe(
    'line 99990 of the output',
  )
  expect(await end.evaluate(textOf('#details pre'))).toMatch(/^node worker-\d+\.js$/)
  expect([...page.complaints, ...end.complaints]).toEqual([])
}, 150_000)

import { expect, test } from 'vitest'
import { shortCommand, shortCommands, shortStranger } from '../../../src/base/short-command.js'

const workspace = '/tmp/proctor-18249-491873-5f0c-4026531836-0-0123456789abcdef'
const inModules = '/home/anna/projects/shop/node_modules'

test.each([
  ['node server.mjs --port 3000', 'node server.mjs --port 3000'],
  [`node ${workspace}/server.mjs`, 'node <workspace>/server.mjs'],
  [`${workspace}/bin/tool --config=${workspace}/a.json`, '<workspace>/bin/tool --config=<workspace>/a.json'],
  [
    `${inModules}/@cloudflare/workerd-linux-64/bin/workerd serve --binary --experimental`,
    '…/bin/workerd serve --binary --experimental',
  ],
  [
    `/usr/local/bin/node ${inModules}/vite/bin/vite.js --config=/home/anna/projects/shop/vite.config.ts`,
    '…/bin/node …/bin/vite.js --config=…/shop/vite.config.ts',
  ],
  [
    `node --require ${inModules}/tsx/dist/preflight.cjs --import file://${inModules}/tsx/dist/loader.mjs src/server.ts`,
    'node --require …/preflight.cjs --import … src/server.ts',
  ],
  ['sh -c "one\ntwo\nthree"', 'sh -c "one^Jtwo^Jthree"'],
  [
    "node -e 'setInterval(() => {}, 1000); console.log(process.argv.slice(2), process.pid)'",
    "node -e 'setInterval(() => {}, 1000); console.log(process.a…",
  ],
  [`/opt/${'x'.repeat(70)} serve ${'y'.repeat(30)}`, `…/${'x'.repeat(70)} …`],
  [`/opt/${'x'.repeat(200)} ${'y'.repeat(30)}`, `…/${'x'.repeat(97)}… …`],
  [`node -e '${'x'.repeat(90)}' a-stale-server`, 'node -e … a-stale-server'],
  ['redis-server *:6391', 'redis-server *:6391'],
])('%s', (command, row) => {
  expect(shortCommand(command, workspace)).toBe(row)
})

test('rows are cut where they do not differ', () => {
  const worker = (port: number): string =>
    `node ${inModules}/some-tool/dist/worker.js --verbose --log-level debug --colour never --port ${port} --host localhost`

  expect(shortCommands([worker(3001), worker(3002), 'cat'])).toEqual([
    'node …/worker.js … colour never --port 3001 --host localhost',
    'node …/worker.js … colour never --port 3002 --host localhost',
    'cat',
  ])
})

test('rows that differ in a folder show it', () => {
  const cli = (project: string): string =>
    `node /home/anna/projects/${project}/packages/some-tool/dist/bin/cli.js --watch`
  const [first, second] = shortCommands([cli('first'), cli('second')])

  expect(first).toBe('node …/projects/first/packages/some-tool/dist/bin/cli.js --…')
  expect(second).toBe('node …/projects/second/packages/some-tool/dist/bin/cli.js -…')
})

test('equal rows stay equal', () => {
  const line = `sleep ${'1 '.repeat(60)}`.trim()
  const [first, second] = shortCommands([line, line])

  expect(first).toBe(second)
  expect(first!.length).toBeLessThanOrEqual(60)
})

test('the end of a stranger’s command line is shown, too, in one line without control characters', () => {
  const lines = Array.from({ length: 15 }, (_, index) => `::error::line ${index}\u001b[31m`).join('\n')
  const shown = shortStranger(`node -e '${lines}' a-stale-server --port 80`)

  expect(shown).toMatch(/^node -e '::error::line 0\^\[\[31m\^J.* … .*a-stale-server --port 80$/)
  expect(shown.length).toBeLessThanOrEqual(120)
  expect(shortStranger('nginx: master')).toBe('nginx: master')
})

// A command in a terminal, compared with node-pty alone, which draws no screen and proves nothing.
import { createRequire } from 'node:module'
import { createProctor } from '../dist/index.js'
import { print, say, sideBySide } from './side-by-side.mjs'

const { spawn } = createRequire(import.meta.url)('@lydell/node-pty')
const bytes = 20_000_000
const lines = {
  'plain text': 'the quick brown fox jumps over the lazy dog and goes on to the end of the line',
  'colours and cursor moves': '\x1b[31mred\x1b[0m \x1b[1;44mblue\x1b[0m \x1b[5;10Hmoved\x1b[K and plain text here',
}
const script = `yes "$LINE" | head -c ${bytes}`

const alone = (command, args, env = process.env) =>
  new Promise((resolve) => {
    const pty = spawn(command, args, { env, encoding: null })
    let count = 0
    pty.on('error', () => {})
    pty.onData((data) => {
      count += data.length
    })
    pty.onExit(() => resolve(count))
  })

export async function run() {
  const proctor = await createProctor()
  const results = {}
  try {
    const begin = await sideBySide(
      {
        'node-pty': () => alone('true', []),
        'run(…), pipes': async () => {
          await proctor.run('true').waitForExit()
        },
        'run(…, { terminal })': async () => {
          const quick = proctor.run('true', [], { terminal: true })
          await quick.waitForExit()
        },
      },
      { rounds: 5, time: 200 },
    )
    print('`true`, from the start to its exit', begin)
    results.start = begin
    for (const [name, LINE] of Object.entries(lines)) {
      const result = await sideBySide(
        {
          'node-pty, bytes counted': () => alone('sh', ['-c', script], { ...process.env, LINE }),
          'run(…, { terminal }), with its screen': async () => {
            const loud = proctor.run('sh', ['-c', script], { terminal: true, env: { LINE } })
            await loud.waitForExit({ timeout: 60_000 })
          },
        },
        { rounds: 4, time: 0, iterations: 1 },
      )
      print(`${bytes / 1e6} MB of ${name}`, result)
      const [base, own] = Object.values(result).map(({ median }) => bytes / 1e3 / median)
      say(`  throughput ${own.toFixed(0)} MB/s of ${base.toFixed(0)} MB/s: ${(own / base).toFixed(2)} x`)
      results[name] = result
    }
  } finally {
    await proctor.teardown()
  }
  return results
}

// What a trace costs: the same test without one, with one that is thrown away because the test passes, and with one
// that is kept.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProctor } from 'proctor'
import { print, sideBySide } from './side-by-side.mjs'

const goal = '<= 1.05'

const tests = {
  'a sleep, killed': async (proctor) => void (await proctor.run('sleep', ['100']).kill()),
  'a shell script of ten programs': async (proctor) => {
    const script = 'for i in 1 2 3 4 5 6 7 8 9 10; do cat /dev/null; done; echo done'
    await proctor.run('sh', ['-c', script]).waitForSuccessfulExit()
  },
  'a Node server, ready and ended': async (proctor) => {
    const server = proctor.run('node', ['-e', 'console.log("ready"); setInterval(() => {}, 1000)'])
    await server.waitForOutput('ready')
    await server.terminate()
  },
  '100,000 lines': async (proctor) => {
    await proctor.run('seq', ['-f', 'line %.0f of the output of a program', '100000']).waitForSuccessfulExit()
  },
  'a tree of 100 for 300 ms': async (proctor) => {
    const script = 'i=0; while [ $i -lt 100 ]; do sleep 100 & i=$((i + 1)); done; echo up; sleep 0.3; echo done; wait'
    const tree = proctor.run('sh', ['-c', script])
    await tree.waitForOutput('done')
    await tree.kill()
  },
}

export async function run() {
  const traceDir = mkdtempSync(join(tmpdir(), 'proctors-bench-'))
  const results = {}
  // Each kept trace prints where it is, which makes thousands of lines.
  const { write } = process.stderr
  process.stderr.write = (text, ...rest) =>
    String(text).startsWith('proctor: trace: ') || Reflect.apply(write, process.stderr, [text, ...rest])
  try {
    // One fixture around all of them, so that what is set up once in a worker is not counted with each test.
    const around = await createProctor()
    await around.run('true').waitForExit()
    for (const [name, test] of Object.entries(tests)) {
      const cycle = (trace) => async () => {
        const proctor = await createProctor({ trace, traceDir })
        await test(proctor)
        await proctor.teardown()
      }
      results[name] = await sideBySide(
        {
          'without a trace': cycle('off'),
          'on-failure, the test passes': cycle('on-failure'),
          'on, kept': cycle('on'),
        },
        // They run in turns, one at a time. Nothing else shows a difference of one per cent on a shared machine.
        { rounds: name === 'a sleep, killed' ? 400 : 40, time: 0, iterations: 1 },
      )
      print(name, results[name], { 'on-failure, the test passes': goal, 'on, kept': goal })
    }
    await around.teardown()
  } finally {
    process.stderr.write = write
    rmSync(traceDir, { recursive: true, force: true })
  }
  return results
}

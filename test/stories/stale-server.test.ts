import { freePort } from 'proctor'
import { expect, test } from 'proctor/vitest'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, onTestFinished } from 'vitest'
import { program, programs } from '../programs.js'
import { rejectionOf } from '../rejection.js'

describe('A stale server', () => {
  test('is not taken for the new one, and the error names it', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const port = await freePort()
    // What an earlier run has left behind.
    const stale = spawn(process.execPath, [program('serves.mjs'), String(port), 'old code'], {
      cwd: workspace.path,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void stale.kill('SIGKILL'))
    await once(stale.stdout, 'data')

    const server = run('node', ['serves.mjs', String(port), 'new code'])
    const error = await rejectionOf(server.waitForHttp(`http://127.0.0.1:${port}/`))

    expect(error.name).toBe('PortInUseError')
    expect(error.message).toContain(`Port ${port} is held by process ${stale.pid}, which node serves.mjs`)
    expect(error.message).toContain('old code')
  })

  test('is gone, and the new one answers', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const port = await freePort()
    const old = run('node', ['serves.mjs', String(port), 'old code'])
    await old.waitForPort(port)
    await old.kill()

    const server = run('node', ['serves.mjs', String(port), 'new code'])

    expect(await server.waitForHttp(`http://127.0.0.1:${port}/`)).toMatchObject({ status: 200, body: 'new code' })
  })
})

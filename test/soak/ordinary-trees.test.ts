import { spawn } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { levels, proctorOr } from '../escapes/levels.js'
import { endFor, identify, isLive } from '../escapes/witness.js'
import { rounds } from './rounds.js'

// Processes that must not be blamed, however often one looks.

const times = rounds(100, 3)

describe.each(levels)('%s: an ordinary tree is not blamed', { timeout: 300_000 }, (level) => {
  test(`sh → node that runs until teardown, ${times} times`, async ({ skip }) => {
    for (let round = 0; round < times; round += 1) {
      const proctor = await proctorOr(skip, level, 1000)
      const server = proctor.run('sh', ['-c', 'node -e "console.log(1); setTimeout(() => {}, 9000)"; exit 0'])
      await server.waitForOutput('1')
      await expect(proctor.teardown()).resolves.toMatchObject({ commands: [{ leaked: [], survived: [] }] })
    }
  })

  test(`a child that exits a little after its leader, ${times} times`, async ({ skip }) => {
    for (let round = 0; round < times; round += 1) {
      const proctor = await proctorOr(skip, level, 2000)
      const command = proctor.run('sh', ['-c', '(sleep 0.05; setsid sh -c "sleep 0.05") & echo started'])
      await command.waitForOutput('started')
      await command.waitForExit()
      await expect(proctor.teardown()).resolves.toMatchObject({ commands: [{ leaked: [], survived: [] }] })
    }
  })

  test(`commands that exit by themselves, and other children of the test, ${times} times`, async ({ skip }) => {
    for (let round = 0; round < times; round += 1) {
      const proctor = await proctorOr(skip, level, 1000)
      const own = spawn('sleep', ['9'], { stdio: 'ignore' })
      await proctor.run('sh', ['-c', 'true | cat; (true &); echo done']).waitForSuccessfulExit()
      await expect(proctor.teardown()).resolves.toMatchObject({ commands: [{ leaked: [], survived: [] }] })
      const identity = identify(own.pid!)!
      expect(isLive(identity)).toBe(true)
      await endFor(identity)
    }
  })
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { ProcessFacts } from '../../../src/containment/facts.js'
import { table } from '../../../src/system/process-table/current.js'

test.runIf(process.platform === 'linux')(
  'nothing is read of a process that had exited when it was listed',
  async () => {
    const child = spawn('sh', ['-c', 'echo up; read x'], { env: { PATH: process.env['PATH'], NAME: 'value' } })
    onTestFinished(() => void child.kill('SIGKILL'))
    await once(child.stdout, 'data')
    const record = table.identify(child.pid!)!
    const factsIn = (state: string) => {
      const self = { session: 0, outside: new Set<string>() }
      const { environment, cwd, files, isLocal } = new ProcessFacts({ ...record, state }, { kind: 'strangers' }, self)
      return { hasName: environment?.includes('NAME=value'), cwd, hasFiles: files.length > 0, isLocal }
    }
    // The record says so of a process that is alive, whose facts could be read.
    expect(factsIn('S')).toEqual({ hasName: true, cwd: process.cwd(), hasFiles: true, isLocal: true })
    expect(factsIn('Z')).toEqual({ hasName: undefined, cwd: undefined, hasFiles: false, isLocal: false })
  },
)

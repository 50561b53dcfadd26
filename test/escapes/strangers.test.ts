import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { cleanEnvironment } from '../inner-run.js'
import { levels, proctorOr } from './levels.js'
import { programFile, removePrograms, temporaryPath } from './programs.js'
import { endFor, isLive, untilIdentified } from './witness.js'

// Processes that work in a command's folder, and are not the command's.

afterAll(removePrograms)

describe.each(levels)('%s: who looks into the workspace is a stranger', (level) => {
  // Each helper runs before the command does. Once it is told to, it starts a process that works in the command's
  // folder.
  const helper = (file: string): string => `sh ${programFile('escapee.sh')} ${file} 30 >>log 3<input`
  const kinds = {
    'an editor’s language server': (file: string) => `${helper(file)} & wait`,
    'one with an environment of its own': (file: string) => `env -i A=1 ${helper(file)} & wait`,
    'one with no environment': (file: string) => `env -i ${helper(file)} & wait`,
    'a file indexer: an orphan': (file: string) => `env -i A=1 setsid -f ${helper(file)}; exec sleep 30`,
    'a person’s shell, with its job': (file: string) => `script -qec "sh -c '${helper(file)} & wait'" /dev/null`,
  }
  test.for(Object.entries(kinds))('%s', async ([, script], { skip }) => {
    const folder = temporaryPath('stranger')
    mkdirSync(folder)
    const [file, where] = [join(folder, 'stranger.pid'), join(folder, 'where')]
    execFileSync('mkfifo', [where])
    const text = `echo $$ >${file}.own; read -r folder <${where}; cd "$folder"; ${script(file)}`
    // This process is no subreaper yet, so what is an orphan before it becomes one does not become its descendant.
    await once(spawn('setsid', ['-f', 'sh', '-c', text], { stdio: 'ignore', env: cleanEnvironment() }), 'exit')
    const own = await untilIdentified(`${file}.own`)
    const proctor = await proctorOr(skip, level, 0)
    await proctor.workspace.write({ input: '', log: '' })
    const command = proctor.run('sh', ['-c', 'setsid -f sleep 60; echo up; sleep 60'])
    await command.waitForOutput('up')
    writeFileSync(where, `${proctor.workspace.path}\n`)
    const working = await untilIdentified(file)

    await command.kill()
    expect([isLive(own), isLive(working)]).toEqual([true, true])
    proctor.run('sh', ['-c', 'setsid -f sleep 60'])
    await proctor.teardown().catch(() => {})
    expect([isLive(own), isLive(working)]).toEqual([true, true])
    await endFor(working)
    if (isLive(own)) await endFor(own)
  })
})

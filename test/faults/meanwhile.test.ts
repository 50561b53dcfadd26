import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { dist, inRoot } from '../inner-run.js'
import { endByCommandLine, expectNothingLeft, isRunning, makeFolder, removeFolder, uniqueNumber } from '../machine.js'
import { needs } from '../needs.js'

// What else happens on the machine: process numbers are used again, and a stranger’s file system hangs.

const program = (name: string): string => inRoot(`fixtures/programs/faults/${name}`)

test('a guard finds a daemon that got the number of a stranger whom it had seen, the counter having been round', () => {
  needs('root', 'unshare')
  const job = 'sleep 1000 & bystander=$!; sleep 1000 & export STRANGER=$!; "$@"; kill -0 $bystander && echo it lives'
  const own = ['--pid', '--fork', '--mount-proc', '--kill-child', 'sh', '-c', job, 'sh']
  const guarded = ['--import', `${dist}/node-test-guard.js`, program('wrapped-pids.mjs')]
  const { stdout } = spawnSync('unshare', [...own, process.execPath, ...guarded], {
    encoding: 'utf8',
    env: { ...process.env, PROCTOR_GUARD_CONTAINMENT: 'basic', PROCTOR_GUARD_LEAK_TIMEOUT: '50' },
  })
  const number = /^# number: (\d+)$|^number: (\d+)$/m.exec(stdout)?.slice(1).join('')
  expect(stdout).toMatch(new RegExp(`not ok 2 - leaves a daemon[^]*1 process outlived[^]*${number} sleep 1000`))
  expect(stdout).toContain('it lives')
})

test('a stranger whose folder is on a file system that hangs holds nobody up, and lives on', async () => {
  needs('root', 'unshare', 'mount', 'cc')
  const [folder, number] = [makeFolder(), uniqueNumber()]
  onTestFinished(() => removeFolder(folder))
  onTestFinished(() => endByCommandLine(number))
  const [binary, mountPoint, temporary] = ['hung', 'mnt', 'tmp'].map((name) => `${folder}/${name}`)
  execFileSync('cc', ['-o', binary!, program('hung-file-system.c')])
  // Without system calls, nothing has a second mark, and the engine looks at where a program works.
  cpSync(dist, `${folder}/dist`, { recursive: true })
  mkdirSync(mountPoint!)
  mkdirSync(temporary!)
  const script = `sleep ${number} & setsid -f sleep ${number}; echo up; wait`
  const worker = spawn(process.execPath, [program('worker.mjs'), `${folder}/dist`, script], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void worker.kill('SIGKILL'))
  await once(worker.stdout, 'data')
  // An orphan that is younger than the command and has the same user, so the engine has to read it.
  const hung = spawn('unshare', ['--mount', '--propagation', 'private', binary!, mountPoint!], { stdio: 'pipe' })
  onTestFinished(() => void hung.kill('SIGKILL'))
  const stranger = Number(String((await once(hung.stdout, 'data'))[0]))
  onTestFinished(() => void process.kill(stranger, 'SIGKILL'))

  worker.kill('SIGKILL')
  await expectNothingLeft(number, temporary!)
  expect(isRunning(stranger)).toBe(true)
})

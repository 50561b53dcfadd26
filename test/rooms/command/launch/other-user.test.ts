import { spawnSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { forOthers, inRoot } from '../../../inner-run.js'
import { makeFolder, removeFolder } from '../../../machine.js'
import { needs } from '../../../needs.js'

// The tests run as a user without privileges, whose limits apply. Limits do not apply to root.

/** A user that nobody else is on this machine: the limit on processes counts all processes of a user. */
const user = '61234'

const script = `
import { spawn, execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createProctor, SpawnError } from ${JSON.stringify(forOthers(inRoot('dist/index.js')))}
const limitsIn = (text) => text.split('\\n').filter((line) => line !== '' && !line.startsWith('Max file locks'))
const locksIn = (text) => /^Max file locks +\\S+ +(\\S+)/m.exec(text)[1]
const proctor = await createProctor({ waitTimeout: 20000 })
const look = async (...args) => (await proctor.run('cat', args).waitForSuccessfulExit()).stdout
const own = readFileSync('/proc/self/limits', 'utf8')
const limits = await look('/proc/self/limits')
const status = await look('/proc/self/status')
const files = (await proctor.run('ls', ['/proc/self/fd']).waitForSuccessfulExit()).stdout
const said = {
  user: process.getuid(),
  containment: proctor.containment,
  sameLimits: JSON.stringify(limitsIn(limits)) === JSON.stringify(limitsIn(own)),
  sameHardLocks: locksIn(limits) === locksIn(own),
  fileSize: /^Max file size +(\\S+)/m.exec(limits)[1],
  signals: status.match(/^Sig(?:Blk|Ign):.*$/gm),
  // The fourth is the folder that ls reads. Node itself keeps what this process got above 15.
  files: files.trim().split('\\n').map(Number).filter((file) => file < 16).toSorted((a, b) => a - b),
}
// It has its own limits still, and none of its own processes to start.
const helper = spawn('sh', ['-c', 'read line; exec prlimit --pid ' + process.pid + ' --nproc=4096:4096'], { stdio: ['pipe', 'ignore', 'inherit'] })
execFileSync('prlimit', ['--pid', String(process.pid), '--nproc=1:4096'])
const failed = proctor.run('true')
const error = await failed.waitForExit().catch((caught) => caught)
said.refused = error instanceof SpawnError ? [error.code, error.message.split('\\n')[0]] : String(error)
helper.stdin.end('on\\n')
await new Promise((resolve) => helper.once('exit', resolve))
said.again = (await proctor.run('echo', ['again']).waitForSuccessfulExit()).stdout
await proctor.teardown()
console.log(JSON.stringify(said))
`

test.each(['native', 'portable'])(
  'a user without rights: nothing inherited, and no room for a process (%s)',
  (launch) => {
    needs('root', 'setpriv', 'prlimit')
    const folder = makeFolder()
    onTestFinished(() => removeFolder(folder))
    chmodSync(folder, 0o777)
    const file = join(folder, 'script.mjs')
    writeFileSync(file, script)
    const identity = ['setpriv', '--reuid', user, '--regid', user, '--clear-groups']
    const limits = ['prlimit', '--fsize=1000000000:2000000000', '--nproc=4096:4096', '--nofile=300:400']
    // A worker whose parent ignored signals, which Node passes on to its children.
    const line = `trap '' USR1 HUP TERM; exec "$@"`
    const args = ['-c', line, 'sh', ...limits, ...identity, process.execPath, file]
    const env = { PATH: process.env['PATH'], TMPDIR: folder, PROCTOR_LAUNCH: launch }
    const { stdout, stderr } = spawnSync('sh', args, { env, cwd: folder, encoding: 'utf8', timeout: 25_000 })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual({
      user: Number(user),
      containment: 'strict',
      sameLimits: true,
      sameHardLocks: true,
      fileSize: '1000000000',
      signals: ['SigBlk:\t0000000000000000', 'SigIgn:\t0000000000000000'],
      files: [0, 1, 2, 3],
      refused: ['EAGAIN', expect.stringContaining('the system has no room for another process (EAGAIN)')],
      again: 'again\n',
    })
  },
)

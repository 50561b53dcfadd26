import { spawnSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { programFile, removePrograms, setuidRoot } from '../escapes/programs.js'
import { inRoot } from '../inner-run.js'
import { makeFolder, removeFolder } from '../machine.js'
import { needs } from '../needs.js'

// What /proc does not show is not dead for that.

afterAll(removePrograms)

test('a member that became another user’s, where /proc hides it, is refused and not passed over', () => {
  needs('root', 'unshare', 'mount', 'setpriv', 'cc')
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  chmodSync(folder, 0o1777)
  const script = `
    import { createProctor } from ${JSON.stringify(inRoot('dist/index.js'))}
    const proctor = await createProctor({ containment: 'strict', grace: 20, leakTimeout: 20 })
    const command = proctor.run('sh', [${JSON.stringify(programFile('other-user-in-group.sh'))}])
    while (!(await proctor.workspace.exists('escapee.pid'))) await new Promise((resolve) => setTimeout(resolve, 5))
    const said = (ending) => ending.then(() => 'resolved', ({ name, message }) => name + ': ' + message)
    console.log(JSON.stringify([await said(command.kill()), await said(proctor.teardown())]))
    process.exit()`
  // As the first process of a pid namespace with a /proc of its own: all of it ends with that.
  const hidden = 'mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"'
  const own = ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private', 'sh', '-c', hidden, 'sh']
  const { stdout } = spawnSync('unshare', [...own, process.execPath, '--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'],
      HOME: '/',
      TMPDIR: folder,
      WITNESS: '/dev/null',
      SETUID_ROOT: setuidRoot('other-user.c'),
    },
  })
  const reason = String.raw`/proc does not show it \(another user's, and hidepid\?\)`
  const [killed, tornDown] = JSON.parse(stdout) as [string, string]
  expect(killed).toMatch(new RegExp(`^ContainmentError: .* could not be ended:\\n.*${reason}`))
  expect(tornDown).toMatch(new RegExp(`^LeakedProcessError: 1 process survived SIGKILL[^]*${reason}`))
})

import { chmodSync, mkdirSync } from 'node:fs'
import { executable, symlink } from 'proctor'
import { toMatchWorkspaceInlineSnapshot } from 'proctor/matchers'
import { expect, test } from 'proctor/vitest'
import { rejectionOf } from '../rejection.js'

test('shows files with their text, modes, links, empty folders, and the size of other files', async ({
  run,
  workspace,
}) => {
  await workspace.write({
    'app/config.txt': 'port 3000\n\nlast line without an end',
    'bin/hello': executable('#!/bin/sh\necho hello\n'),
    'empty.txt': '',
    'image.bin': new Uint8Array([0, 1, 2, 255]),
    'long.txt': 'x'.repeat(20_000),
    link: symlink('app/config.txt'),
    'read-only.txt': 'no\n',
    'secret.txt': 'psst\n',
    'where.txt': `in ${workspace.path}, after 12 ms\n`,
  })
  mkdirSync(workspace.resolve('nothing'))
  chmodSync(workspace.resolve('read-only.txt'), 0o444)
  chmodSync(workspace.resolve('secret.txt'), 0o600)
  await run('mkfifo', ['pipe']).waitForSuccessfulExit()
  expect(await workspace.snapshot()).toMatchInlineSnapshot(`
    "app/config.txt
    │ port <port>
    │
    │ last line without an end
    bin/hello  (mode 755)
    │ #!/bin/sh
    │ echo hello
    empty.txt  (empty)
    image.bin  (4 bytes)
    link -> app/config.txt
    long.txt  (20000 bytes)
    nothing/
    pipe  (FIFO)
    read-only.txt  (mode 444)
    │ no
    secret.txt  (mode 600)
    │ psst
    where.txt
    │ in <workspace>, after <duration>"
  `)
})

test('options switch each kind off, and unknown ones are refused', async ({ workspace }) => {
  await workspace.write({ 'a.txt': 'port 3000 after 12 ms\n' })
  expect(await workspace.snapshot({ ports: false })).toBe('a.txt\n│ port 3000 after <duration>')
  expect(() => workspace.snapshot({ colours: false } as object)).toThrow('workspace.snapshot: unknown option "colours"')
})

test('matchers: stored, and inline, which waits', async ({ run, workspace }) => {
  const command = run('sh', ['-c', 'read go; echo done > result.txt; read end'])
  const inline = expect(workspace).toMatchWorkspaceInlineSnapshot(`
    "result.txt
    │ done"
  `)
  await command.write('go\n')
  await inline
  await expect(workspace).toMatchWorkspaceSnapshot()
  await command.kill()
})

test('a different workspace fails and shows both texts; anything else is refused', async ({ workspace }) => {
  await workspace.write({ 'a.txt': 'one\n' })
  const { pass, message } = await toMatchWorkspaceInlineSnapshot(workspace, 'a.txt\n│ two', { timeout: 0 })
  expect(pass).toBe(false)
  expect(message()).toBe(
    'expect(received).toMatchWorkspaceInlineSnapshot()\n\nExpected the workspace\n\na.txt\n│ two\n\nbut it is\n\na.txt\n│ one',
  )
  const refused = await rejectionOf(expect(5).toMatchWorkspaceSnapshot())
  expect(refused.message).toBe('toMatchWorkspaceSnapshot: received number 5. Accepted is a workspace.')
})

import { expect, test } from 'proctor/vitest'

test('tree() has the leader, its group, and who has left it', async ({ run, workspace }) => {
  await workspace.write({
    'start.sh': "sleep 600 & echo $! > member.pid; setsid -f sh -c 'echo $$ > escapee.pid; exec sleep 601'; wait",
  })
  const command = run('sh', ['start.sh'])
  await expect(workspace).toBeAlive('member.pid')
  await expect(workspace).toBeAlive('escapee.pid')
  const pids = await Promise.all(['member.pid', 'escapee.pid'].map((file) => workspace.read(file)))
  await expect
    .poll(async () => (await command.tree()).map(({ command: line }) => line))
    .toEqual(['sh start.sh', 'sleep 600', 'sleep 601'])
  const tree = await command.tree()
  expect(tree.map(({ pid }) => pid)).toEqual([command.pid, ...pids.map(Number)])
  await command.kill()
  expect(await command.tree()).toEqual([])
})

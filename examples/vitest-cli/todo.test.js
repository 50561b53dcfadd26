import { join } from 'node:path'
import { expect, test } from 'proctor/vitest'

const todo = join(import.meta.dirname, 'todo.js')

test('remembers what is to be done', async ({ run }) => {
  await run('node', [todo, 'add', 'water the plants']).waitForSuccessfulExit()
  const { stdout } = await run('node', [todo, 'list']).waitForSuccessfulExit()
  expect(stdout).toBe('water the plants\n')
})

test('says how it is used', async ({ run }) => {
  const command = run('node', [todo, 'dance'])
  await expect(command).toHaveExitedWith(2)
  expect(command.stderr).toBe('usage: todo add TEXT | todo list | todo serve\n')
})

test('serves the list', async ({ run, workspace }) => {
  await workspace.write({ 'todo.txt': 'sleep\n' })
  const server = run('node', [todo, 'serve'])
  const { body } = await server.waitForHttp('/')
  expect(body).toBe('sleep\n')
})

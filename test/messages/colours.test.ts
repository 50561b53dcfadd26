import { createProctor, type Proctor } from 'proctor'
import { expect } from 'proctor/vitest'
import { onTestFinished, test } from 'vitest'

// A program that prints colours where FORCE_COLOR or CI asks for them. Its test passes at home and in CI.

const program = `
  const { CI, FORCE_COLOR } = process.env
  const cyan = CI || FORCE_COLOR ? (text) => '\\x1b[36m' + text + '\\x1b[39m' : String
  console.log('ready in ' + cyan(12) + ' ms on ' + cyan('http://localhost:4000/'))
  process.stdin.resume()
`

async function given(env: Record<string, string>): Promise<Proctor> {
  const proctor = await createProctor({ env: { CI: undefined, FORCE_COLOR: undefined, ...env }, waitTimeout: 10_000 })
  onTestFinished(async () => void (await proctor.teardown()))
  return proctor
}

test.each<Record<string, string>>([{}, { CI: 'true' }, { FORCE_COLOR: '1' }])('with %o', async (env) => {
  const proctor = await given(env)
  const server = proctor.run('node', ['-e', program])

  await server.waitForOutput('ready in 12 ms')
  const [, url] = await server.waitForOutput(/on (\S+)/)
  expect(url).toBe('http://localhost:4000/')
  await expect(server).toHaveOutput('12 ms on http')
  await expect(server).toHaveOutput(/^ready in \d+ ms/)
  await expect(expect(server).not.toHaveOutput('in 12 ms', { timeout: 50 })).rejects.toThrow('not to have')
})

test('an error’s output is compared as it is read', async () => {
  const proctor = await given({ CI: 'true' })
  const shell = proctor.run('sh', ['-c', String.raw`printf '\033[31mred\033[0m words\n'; exit 3`])

  await expect(shell.waitForSuccessfulExit()).toThrowFailedExit('red words')
})

test('in a terminal, a line end matches \\n', async () => {
  const proctor = await given({})
  const shell = proctor.run('sh', ['-c', String.raw`printf 'a\n\033[1mb\033[0m\nc\n'; cat`], { terminal: true })

  await shell.waitForOutput('a\nb\nc\n')
  await shell.waitForOutput(/^b\nc$/m)
  await expect(shell).toHaveOutput('a\r\n')
})

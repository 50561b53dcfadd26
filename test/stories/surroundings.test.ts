import { expect, test } from 'proctor/vitest'
import { describe, onTestFinished, vi } from 'vitest'

/** Sets environment variables for the test, as a git hook or a terminal does. */
function surround(variables: Record<string, string>): void {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
  onTestFinished(() => {
    vi.unstubAllEnvs()
  })
}

const names = ['-c', 'user.name=a', '-c', 'user.email=a@b']

describe('What surrounds the tests does not reach a command', () => {
  test('a commit goes into the workspace, and not into the repository whose hook runs the tests', async ({
    run,
    workspace,
  }) => {
    await run('git', ['init', '-q', 'real']).waitForSuccessfulExit()
    const real = workspace.resolve('real/.git')
    surround({ GIT_DIR: real, GIT_WORK_TREE: workspace.resolve('real'), GIT_INDEX_FILE: `${real}/index` })

    await workspace.write('ours/a.txt', 'a')
    for (const args of [
      ['init', '-q'],
      ['add', '-A'],
      [...names, 'commit', '-q', '-m', 'ours'],
    ]) {
      await run('git', args, { cwd: 'ours' }).waitForSuccessfulExit()
    }

    const log = await run('git', ['log', '--format=%s'], { cwd: 'ours' }).waitForSuccessfulExit()
    expect(log.stdout).toBe('ours\n')
    await expect(run('git', ['log'], { cwd: 'real' }).waitForSuccessfulExit()).toThrowFailedExit(
      /does not have any commits/,
    )
  })

  test('no variable describes the terminal of the tests', async ({ run }) => {
    surround({
      KITTY_WINDOW_ID: '1',
      WT_SESSION: 'x',
      VTE_VERSION: '7200',
      KONSOLE_VERSION: '1',
      ITERM_SESSION_ID: 'x',
    })
    const pattern = '^(KITTY|WT|VTE|KONSOLE|ITERM)_'
    for (const terminal of [false, true]) {
      const { exitCode, output } = await run('sh', ['-c', `env | grep -E '${pattern}'`], { terminal }).waitForExit()
      expect([exitCode, output]).toEqual([1, ''])
    }
  })

  test('a test may put its own in the place of Node’s globals', async ({ run }) => {
    const command = run('cat')
    for (const name of ['Buffer', 'TextDecoder', 'AbortController', 'URL']) vi.stubGlobal(name, undefined)
    onTestFinished(() => {
      vi.unstubAllGlobals()
    })
    await command.write('ä\n')
    await command.waitForOutput('ä')
    await command.endInput()
    const { stdout } = await command.waitForSuccessfulExit()
    expect(stdout).toBe('ä\n')
  })
})

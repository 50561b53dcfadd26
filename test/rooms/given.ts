import { onTestFinished } from 'vitest'
import { FixtureProctor } from '../../src/fixture/proctor.js'
import type { ProctorOptions } from '../../src/fixture/options.js'
import type { CommandProcess } from '../../src/command/command-process.js'

/** ms. Four busy loops beside the tests leave a program a third of a processor. */
const patience = 15_000

/**
 * A fixture built from the sources. It is torn down when the test is over, and that teardown must find nothing. A test
 * that expects otherwise calls `teardown()` itself.
 */
export async function givenProctor(options: ProctorOptions = {}): Promise<FixtureProctor> {
  const proctor = await FixtureProctor.create({ grace: 300, leakTimeout: 300, waitTimeout: patience, ...options })
  const teardown = proctor.teardown.bind(proctor)
  let isJudged = false
  proctor.teardown = (circumstances) => {
    isJudged = true
    return teardown(circumstances)
  }
  onTestFinished(async () => {
    if (isJudged) await teardown().catch(() => {})
    else await teardown()
  })
  return proctor
}

/** What a promise rejects with, or what a function throws. Fails if it does neither. */
export async function rejection(action: Promise<unknown> | (() => unknown)): Promise<Error> {
  try {
    await (typeof action === 'function' ? action() : action)
  } catch (error) {
    return error as Error
  }
  throw new Error('Nothing was thrown.')
}

/** Starts a shell script that leads its own group, as every command does. */
export const shell = (proctor: FixtureProctor, script: string): CommandProcess => proctor.run('sh', ['-c', script])

/** Starts a Node program. */
export const node = (proctor: FixtureProctor, script: string, args: readonly string[] = []): CommandProcess =>
  proctor.run('node', ['-e', script, ...args])

/** A process that has ended, and whose exit no code has looked at. */
export async function ended(process: CommandProcess): Promise<CommandProcess> {
  await process.settled
  return process
}

/**
 * A shell script that prints the pid of its child and then never waits for it. The shell itself could still wait for
 * the child. So the child exits only when another program, which does not know of it, has taken the shell's place.
 */
export const zombieMaker = 'sh -c "until grep -q sleep /proc/\\$PPID/comm; do :; done" & echo $!; exec sleep 60'

// Compiled, never run: the types of `proctor/jest`, used with @jest/globals.
import { describe, expect, test } from '@jest/globals'
import { expectTypeOf } from 'vitest'
import { guard } from 'proctor/jest/guard'
import {
  executable,
  type JestFixtures,
  type Proctor,
  type Process,
  useProctor,
  type UseProctorOptions,
  type Workspace,
} from 'proctor/jest'
import { snapshotSerializer } from 'proctor'
import setup from 'proctor/jest/global-setup'
import teardown from 'proctor/jest/global-teardown'

const { run, workspace, proctor } = useProctor({ grace: 50, leaks: 'kill', scope: 'test' })
expectTypeOf(run).toEqualTypeOf<Proctor['run']>()
expectTypeOf(workspace).toEqualTypeOf<Workspace>()
expectTypeOf(proctor).toEqualTypeOf<Proctor>()
expectTypeOf(useProctor()).toEqualTypeOf<JestFixtures>()
expectTypeOf(useProctor).parameter(0).toEqualTypeOf<UseProctorOptions | undefined>()
expectTypeOf(setup).returns.toBeVoid()
expectTypeOf(teardown).returns.resolves.toBeVoid()

describe('a suite', () => {
  useProctor({ scope: 'file' })
  // @ts-expect-error an unknown option
  useProctor({ graze: 50 })
  // @ts-expect-error an unknown scope
  useProctor({ scope: 'worker' })

  test('matchers', async () => {
    await workspace.write({ 'bin/x': executable('#!/bin/sh\n') })
    const process = run('node', ['server.mjs'], { timeout: 1000 })
    expectTypeOf(process).toEqualTypeOf<Process>()
    await expect(process).toBeDead('child.pid', { timeout: 100 })
    await expect(process).not.toBeAlive()
    await expect(process).toHaveOutput(/x/)
    await expect(process).toHaveExitedWith('SIGKILL')
    await expect(() => process.kill()).toThrowUnexpectedExit('text')
    expectTypeOf(expect(process).toBeDead()).resolves.toBeVoid()
    // @ts-expect-error the pid file is a path
    await expect(process).toBeDead(5)
    // @ts-expect-error no such matcher
    await expect(process).toBeRunning()
  })
})

expect.addSnapshotSerializer(snapshotSerializer())

guard({ mode: 'kill', allow: [/gradle/] })
// @ts-expect-error there is no such unit
guard({ unit: 'suite' })

// Compiled, never run: the core and the matchers, without a runner's entry point.
import { expect as vitestExpect, expectTypeOf } from 'vitest'
import {
  type CommandReport,
  createProctor,
  freePort,
  type HttpAnswer,
  isAlive,
  LeakedProcessError,
  type Proctor,
  type ProctorOptions,
  type Process,
  snapshotSerializer,
  SpawnError,
  type TeardownReport,
  UnexpectedExitError,
} from 'proctor'
import * as matchers from 'proctor/matchers'

const all: Required<ProctorOptions> = {
  grace: 1000,
  leaks: 'fail',
  leakTimeout: 2000,
  unexpectedExit: 'ignore',
  waitTimeout: 4000,
  allow: ['gradle', /esbuild/],
  maxOutput: 1,
  keepWorkspace: 'on-failure',
  env: { A: undefined },
  containment: 'strict',
  trace: 'on-failure',
  coverage: true,
  usage: true,
  traceDir: 'traces',
}
expectTypeOf(createProctor(all)).resolves.toEqualTypeOf<Proctor>()
expectTypeOf(createProctor()).resolves.toEqualTypeOf<Proctor>()
expectTypeOf(isAlive(1)).toBeBoolean()

// @ts-expect-error an unknown option
void createProctor({ graze: 5 })
// @ts-expect-error an option of the wrong type
void createProctor({ leaks: 'ignore' })
// @ts-expect-error a pid is a number
isAlive('1')

export async function use(): Promise<void> {
  await using proctor = await createProctor()
  await using process = proctor.run('node')
  expectTypeOf(process.running).toBeBoolean()
  expectTypeOf(proctor.teardown()).resolves.toEqualTypeOf<TeardownReport>()
  const { commands } = await proctor.teardown()
  expectTypeOf(commands).toEqualTypeOf<readonly CommandReport[]>()
  // @ts-expect-error read only
  proctor.processes.push(process)
  // @ts-expect-error read only
  proctor.workspace.path = ''
}

export function look(error: unknown): void {
  if (error instanceof UnexpectedExitError) expectTypeOf(error.exitCode).toEqualTypeOf<number | null>()
  if (error instanceof SpawnError) expectTypeOf(error.path).toEqualTypeOf<string | undefined>()
  if (error instanceof LeakedProcessError) expectTypeOf(error.errors).toEqualTypeOf<readonly Error[]>()
}

vitestExpect.extend(matchers)

export async function alone(proctor: Proctor): Promise<void> {
  const process = proctor.run('node')
  const { pass, message } = await matchers.toBeDead(process, 'child.pid', { timeout: 5 })
  expectTypeOf(pass).toBeBoolean()
  expectTypeOf(message()).toBeString()
  await matchers.toBeAlive.call({ isNot: true }, 5)
  // @ts-expect-error text is no subject
  await matchers.toBeDead('child.pid')
  // @ts-expect-error a workspace has no output
  await matchers.toHaveOutput(proctor.workspace, 'x')
}

export async function ready(process: Process): Promise<void> {
  expectTypeOf(await process.waitForPort()).toBeNumber()
  expectTypeOf(await process.waitForPort(3000, { timeout: 5 })).toBeNumber()
  expectTypeOf(await process.waitForPort('a.sock')).toBeString()
  expectTypeOf(await process.waitForHttp('/health', { status: 200, timeout: 5 })).toEqualTypeOf<HttpAnswer>()
  await process.waitForHttp(new URL('http://localhost:3000'), { status: (status) => status < 500 })
  expectTypeOf(await freePort()).toBeNumber()
  expectTypeOf(process.snapshot({ pids: false })).toBeString()
  vitestExpect.addSnapshotSerializer(snapshotSerializer({ ports: false }))
  // @ts-expect-error a port is a number or a path
  await process.waitForPort({ port: 3000 })
  // @ts-expect-error no such kind
  process.snapshot({ pid: false })
}

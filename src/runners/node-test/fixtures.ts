import { after, before } from 'node:test'
import { keepingAlive } from '../../base/clock.js'
import { checkOptions } from '../../base/check.js'
import { show } from '../../base/words.js'
import { ProctorError } from '../../base/errors.js'
import { escapeText } from '../../base/escape.js'
import { type ProctorOptions, proctorRules } from '../../fixture/options.js'
import { proctorHandles } from '../../fixture/handle.js'
import { FixtureProctor } from '../../fixture/proctor.js'
import type { Proctor } from '../../fixture/types.js'
import { workspaceHandles } from '../../workspace/handle.js'
import type { Workspace } from '../../workspace/workspace.js'
import { hasFailed, identityOf, isTestContext, runLast, type TestContext } from './test-context.js'

/** What `useProctor` returns. */
export interface NodeTestFixtures {
  readonly run: Proctor['run']
  readonly workspace: Workspace
  readonly proctor: Proctor
}

// Loads what the first fixture needs before the first test of the file begins.
before(() => FixtureProctor.prepare())

/** A fixture that is made when it is first asked for, and torn down once. */
class LateFixture {
  readonly #make: () => FixtureProctor
  #fixture: FixtureProctor | undefined
  #isOver = false

  constructor(make: () => FixtureProctor) {
    this.#make = make
  }

  current(): FixtureProctor {
    if (this.#isOver)
      throw new ProctorError('The test that useProctor was called for has ended: nothing is started any more.')
    return (this.#fixture ??= this.#make())
  }

  async end(circumstances: Parameters<FixtureProctor['teardown']>[0] = {}): Promise<void> {
    this.#isOver = true
    if (this.#fixture !== undefined) await keepingAlive(this.#fixture.teardown(circumstances))
  }
}

function toFixtures(fixture: LateFixture): NodeTestFixtures {
  const proctor = proctorHandles.standIn(() => fixture.current())
  return {
    run: Reflect.get(proctor, 'run') as Proctor['run'],
    workspace: workspaceHandles.standIn(() => fixture.current().workspace),
    proctor,
  }
}

const toTestError = (error: unknown): { name: string; message: string } => {
  const { name = 'Error', message = String(error) } = (error ?? {}) as { name?: string; message?: string }
  return { name, message }
}

/** Prints what was found. node:test drops errors that are thrown after the test has failed. */
function tell(test: TestContext, error: Error): void {
  if (!hasFailed(test)) throw error
  const text = `${error.name}: ${escapeText(error.message)}`
  if (test.diagnostic === undefined) process.stderr.write(`proctor: ${test.name} failed, and: ${text}\n`)
  else test.diagnostic(text)
}

/** The fixture of one test, or of the suite whose context is given. */
function useForTest(test: TestContext, options: ProctorOptions): NodeTestFixtures {
  const fixture = new LateFixture(() => FixtureProctor.createNow(options, { test: identityOf(test) }))
  runLast(test, async () => {
    const errors = hasFailed(test) ? [toTestError(test.error)] : []
    try {
      await fixture.end({ hasFailed: hasFailed(test), errors })
    } catch (error) {
      tell(test, error as Error)
    }
  })
  return toFixtures(fixture)
}

/** The fixture that all tests of a suite, or of the file, share. */
function useForSuite(options: ProctorOptions): NodeTestFixtures {
  const fixture = new LateFixture(() => FixtureProctor.createNow(options, { test: { names: ['shared by a suite'] } }))
  after(() => fixture.end())
  return toFixtures(fixture)
}

/** See `useProctor` of proctor/node-test. */
export function useFixtures(first: unknown, second: ProctorOptions | undefined): NodeTestFixtures {
  const test = isTestContext(first) ? first : undefined
  const options = test === undefined ? first : second
  if (options !== undefined && (typeof options !== 'object' || options === null)) {
    throw new TypeError(`useProctor: received ${show(options)}. Accepted is the context of a test, options, or both.`)
  }
  checkOptions('useProctor', options, proctorRules)
  const given = (options ?? {}) as ProctorOptions
  return test === undefined ? useForSuite(given) : useForTest(test, given)
}

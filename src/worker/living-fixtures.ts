import type { Containment } from '../containment/containment.js'
import { letGoOfMain, endWithMain } from './main-process.js'
import { workerState, setOutside } from './state.js'

/** Registers a new fixture. Returns its name, which stands in the marks of its commands. */
export function enterFixture(containment: Containment): string {
  const state = workerState()
  state.counted += 1
  // A test that restores an environment which it saved earlier removes the variable.
  setOutside(state.outside)
  const fixture = `${state.token}.${state.counted}`
  endWithMain()
  state.fixtures.add(fixture)
  containment.enter(fixture)
  return fixture
}

/** Whether no other fixture lives in this process, as far as this thread knows. */
export function isLastFixture(containment: Containment): boolean {
  const state = workerState()
  return state.fixtures.size === 1 && containment !== state.remote
}

/** Removes a fixture that has ended. After the last one nothing keeps a reference to this test file's modules. */
export function leaveFixture(containment: Containment, fixture: string): void {
  const state = workerState()
  containment.leave(fixture)
  state.fixtures.delete(fixture)
  letGoOfMain()
  if (state.fixtures.size > 0) return
  // As the host of worker threads, the main thread keeps the containment that they ask.
  if (state.strict?.hostsThreads !== true) state.strict = undefined
  state.basic = undefined
  state.remote?.close()
  state.remote = undefined
}

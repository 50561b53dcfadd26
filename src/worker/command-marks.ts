import { formatMark, markName, runVariable } from '../containment/marks.js'
import { thisOwner } from '../containment/owner.js'
import { workerState } from './state.js'

/** The marks of a command. */
interface CommandMarks {
  /** The variable in its environment. */
  readonly name: string
  readonly value: string
  /** Its soft limit RLIMIT_LOCKS, where that can be set. */
  readonly locks: bigint | undefined
}

/** The marks of command number `command` of a fixture. */
export function markFor(fixture: string, command: number): CommandMarks {
  const state = workerState()
  const mark = { owner: thisOwner(), run: process.env[runVariable] ?? '0', tree: `${fixture.split('.')[1]}.${command}` }
  return { name: markName(state.token), value: formatMark(mark), locks: nextLocksMark() }
}

/** A second mark that nothing else of this worker carries, where second marks can be set. */
export function nextLocksMark(): bigint | undefined {
  const state = workerState()
  state.marked += 1
  return state.locks?.of(state.marked)
}

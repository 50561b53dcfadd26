import { realProcess } from '../base/real-process.js'
import { guardianVariable, runVariable } from '../containment/marks.js'
import { Guardian } from '../guardian/guardian.js'
import { type WorkerState, workerState } from './state.js'

/** Removes what a dead worker left, which ran within a command of this one. */
export { removeAbandoned } from '../guardian/sweep.js'

/** The worker's guardian, which starts when there is something to watch. */
export function guardian(): Guardian {
  const state = workerState()
  return (state.guardian ??= startGuardian(state))
}

function startGuardian(state: WorkerState): Guardian {
  const tableWish = realProcess.env['PROCTOR_PROCESS_TABLE']
  const made = new Guardian(
    { token: state.token, run: process.env[runVariable] ?? '0', locks: state.locks?.worker },
    {
      // The guardian runs sleep, and ps where there is no /proc: it must find them even if the tests have changed PATH.
      PATH: ['/usr/bin', '/bin', '/usr/sbin', '/sbin', process.env['PATH'] ?? '']
        .filter((path) => path !== '')
        .join(':'),
      [state.outside]: '1',
      [guardianVariable]: '1',
      // A start time means nothing in another table.
      ...(tableWish === undefined ? {} : { PROCTOR_PROCESS_TABLE: tableWish }),
    },
  )
  realProcess.once('exit', () => {
    if (state.fixtures.size === 0) made.retire()
  })
  return made
}

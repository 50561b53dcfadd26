// How the processes of a run tell each other of coverage.

/** Names the folder of this run to its workers, or says why there is none. */
export const coverageVariable = 'PROCTOR_COVERAGE'

/** Names to the workers what NODE_V8_COVERAGE was for the run itself. */
export const outerVariable = 'PROCTOR_COVERAGE_OUTER'

/** Names the folder of the sockets to a command. */
export const socketsVariable = 'PROCTOR_COVERAGE_SOCKETS'

import type { ServerAddress } from './runners/run-server.js'

export type { ServerAddress, ServerOptions } from './runners/run-server.js'
export { server } from './runners/vitest/server.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** The address of this run's server, from `proctor/vitest/server`. */
    proctorServer: ServerAddress
  }
}

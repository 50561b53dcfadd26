export type { ServerAddress, ServerOptions } from './runners/run-server.js'
export { server, serverAddress } from './runners/jest/server.js'

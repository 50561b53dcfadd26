import { table } from '../process-table/current.js'
import { linuxListeners } from './linux.js'
import type { ListenerTable } from './listener.js'
import { lsofListeners } from './lsof.js'

/** Who listens on this machine. `PROCTOR_PROCESS_TABLE=portable` forces the way of macOS, for tests. */
export const listeners: ListenerTable = table.name === 'linux' ? linuxListeners : lsofListeners

import { table } from '../process-table/current.js'
import { linuxListeners } from './linux.js'
import type { ListenerTable } from './listener.js'
import { lsofListeners } from './lsof.js'

/** The listening sockets of this machine. `PROCTOR_PROCESS_TABLE=portable` forces macOS's way, for tests. */
export const listeners: ListenerTable = table.name === 'linux' ? linuxListeners : lsofListeners

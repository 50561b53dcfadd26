import { existsSync } from 'node:fs'
import { linuxTable } from './linux.js'
import { portableTable } from './portable.js'
import type { ProcessTable } from './table.js'

/** The process table of this machine. `PROCTOR_PROCESS_TABLE=portable` forces macOS's, for tests. */
export const table: ProcessTable =
  existsSync('/proc/self/stat') && process.env['PROCTOR_PROCESS_TABLE'] !== 'portable' ? linuxTable : portableTable

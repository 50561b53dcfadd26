import { runInThisContext } from 'node:vm'

// Jest gives every test file a copy of `process`, and of its environment. What child_process hands on to a child that
// is given none is the environment of the real one.

let real: NodeJS.Process | undefined

/** The process object that Node's own modules see. */
export const realProcess = (): NodeJS.Process => (real ??= runInThisContext('process') as NodeJS.Process)

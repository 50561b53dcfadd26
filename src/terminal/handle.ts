import type { CommandProcess } from '../command/command-process.js'
import { commandHandles, processHandles, processMembers } from '../command/handle.js'
import type { Process } from '../command/process.js'
import { CommandTerminal } from './terminal-process.js'
import type { TerminalProcess } from './types.js'

export const terminalHandles = commandHandles<TerminalProcess, CommandTerminal>('TerminalProcess', {
  ...processMembers,
  screen: 'value',
  waitForScreen: 'method',
  press: 'method',
  resize: 'method',
})

/** The handle of a command, for a test. */
export const handleOf = (command: CommandProcess): Process =>
  command instanceof CommandTerminal ? terminalHandles.of(command) : processHandles.of(command)

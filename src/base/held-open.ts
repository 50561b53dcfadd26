import { escapeControls } from './escape.js'
import { shortCommand } from './short-command.js'

// Who holds a pipe open.

/** A process, and the descriptors by which it holds a pipe. */
export interface Holder {
  readonly pid: number
  readonly command: string
  readonly descriptors: readonly number[]
}

/** For example `4711 sleep 600 (descriptors 1, 2)`. */
export function formatHolder({ pid, command, descriptors }: Holder): string {
  const name = `${pid} ${escapeControls(shortCommand(command))}`
  if (descriptors.length === 0) return name
  const which = descriptors.length === 1 ? 'descriptor' : 'descriptors'
  return `${name} (${which} ${descriptors.join(', ')})`
}

/** The lines about an exited command whose output these processes still hold. */
export function heldOpen(command: string, holders: readonly Holder[]): string[] {
  const holding = holders.filter(({ descriptors }) => descriptors.length > 0)
  if (holding.length === 0) return []
  const by = holding.map(formatHolder).join(', ')
  const title = escapeControls(shortCommand(command))
  return [
    `held open: ${title} has exited, and its output has not ended, as ${by} ${holding.length === 1 ? 'holds' : 'hold'} it. 'close', exec and execa wait for that`,
  ]
}

import { type CallSite, callSite } from '../base/call-site.js'
import type { ExitRecord } from './exit-record.js'
import type { CommandListener } from './listener.js'
import type { CommandWaits } from './command-waits.js'
import type { Exit } from './process.js'
import type { Endings } from './termination.js'

/** The command that the test ends. */
export interface EndingHost {
  readonly record: ExitRecord
  readonly endings: Endings
  readonly listener: CommandListener | undefined
  readonly hasTree: boolean
  readonly settled: Promise<void>
  readonly waits: Pick<CommandWaits, 'watchEnding'>
}

/**
 * `kill()` and `terminate()`: ends the whole tree, then reports the exit, or throws if the command had exited before.
 */
export function endForTest(host: EndingHost, signal: 'SIGTERM' | 'SIGKILL', grace: number): Promise<Exit> {
  const site = callSite()
  const what = signal === 'SIGKILL' ? 'kill()' : 'terminate()'
  return host.waits.watchEnding(end(host, signal, grace, { what, site }), { what, site })
}

interface EndingCall {
  readonly what: string
  readonly site: CallSite
}

async function end(
  host: EndingHost,
  signal: 'SIGTERM' | 'SIGKILL',
  grace: number,
  { what, site }: EndingCall,
): Promise<Exit> {
  const isFirst = host.record.exit === undefined
  const onEnd = host.listener?.calls(what, 'end')
  try {
    const exit = await endAndJudge(host, signal, grace)
    onEnd?.()
    if (isFirst) host.record.noteEnder(() => endingAt(what, site))
    return exit
  } catch (error) {
    site(error)
    onEnd?.(error)
    throw error
  }
}

const endingAt = (caller: string, site: CallSite): string => {
  const place = site.place()
  return `${caller}${place === undefined ? '' : ` at ${place}`} has ended it`
}

async function endAndJudge(host: EndingHost, signal: 'SIGTERM' | 'SIGKILL', grace: number): Promise<Exit> {
  const { record, endings, settled } = host
  // It has not started yet, or it is exiting by itself and only the rest of its output is missing.
  if (!host.hasTree || record.exit !== undefined) await settled
  record.throwUnlessStarted()
  const before = record.knowledge
  const isJoining = endings.isUnderWay
  if (before === 'running' && !isJoining) endings.attribute('test')
  await endings.endWithin(signal, grace)
  await settled
  // It was already a zombie when SIGKILL came, but its exit had not been reported yet: it exited by itself.
  const diedAlone = signal === 'SIGKILL' && !isJoining && !record.isSignalled && record.exit?.signal !== 'SIGKILL'
  if (before === 'running' && !diedAlone) return record.seenExit()
  const error = record.errorOnceExited(before === 'running' ? 'exited, not seen' : before)
  record.see('reported')
  throw error!
}

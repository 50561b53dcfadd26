import { after, now, soon } from '../base/clock.js'
import type { ExitStatus } from './life.js'
import type { OutputStream } from './output.js'
import type { Transport } from './transport.js'

/** ms that the output gets to end after the exit. A grandchild can hold the pipe open for ever. */
export const drainTime = 100

/** What a command is told while its program runs. */
export interface ProgramListener {
  output(stream: OutputStream, bytes: Buffer): void
  exited(exit: ExitStatus): void
  /** The program has exited, and its output has ended or its time to end is over. May be called more than once. */
  drained(): void
}

/** Listens to a program until it has exited and its output is drained. */
export function listenUntilDrained(transport: Transport, listener: ProgramListener): void {
  const drained = (): void => listener.drained()
  let isOutputEnded = false
  let stopWaiting = (): void => {}
  transport.listen({
    output: (stream, bytes) => listener.output(stream, bytes),
    outputEnded: () => {
      isOutputEnded = true
      stopWaiting()
      drained()
    },
    exited: (code, signal) => {
      listener.exited({ code, signal, at: now() })
      if (isOutputEnded) drained()
      // Node runs timers before it reads from pipes: with hundreds of exits at once a timer alone would cut output off.
      else stopWaiting = after(drainTime, () => soon(drained))
    },
  })
}

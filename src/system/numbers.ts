import { constants } from 'node:os'

// The names of the kernel's numbers. Some have two, as SIGABRT is SIGIOT too, and EAGAIN is EWOULDBLOCK: the one that
// everybody knows comes first in Node's lists.

function namesOf<Name extends string>(numbers: Readonly<Record<Name, number>>): ReadonlyMap<number, Name> {
  const entries = Object.entries(numbers) as [Name, number][]
  return new Map(entries.toReversed().map(([name, number]) => [number, name]))
}

const codes = namesOf(constants.errno)
const signals = namesOf(constants.signals)

/** The code of an error of the system's: `ENOENT`. */
export const codeOf = (errno: number): string => codes.get(errno) ?? `errno ${errno}`

/** The name of a signal. Those of real time have none. */
export const signalOf = (number: number): NodeJS.Signals => signals.get(number) ?? (`SIG${number}` as NodeJS.Signals)

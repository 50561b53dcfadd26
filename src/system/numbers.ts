import { constants } from 'node:os'

// The names of the kernel's numbers. Some numbers have two names (SIGABRT and SIGIOT, EAGAIN and EWOULDBLOCK). In
// Node's lists the common one comes first.

function namesOf<Name extends string>(numbers: Readonly<Record<Name, number>>): ReadonlyMap<number, Name> {
  const entries = Object.entries(numbers) as [Name, number][]
  return new Map(entries.toReversed().map(([name, number]) => [number, name]))
}

const codes = namesOf(constants.errno)
const signals = namesOf(constants.signals)

/** The code of a system error, for example `ENOENT`. */
export const codeOf = (errno: number): string => codes.get(errno) ?? `errno ${errno}`

/** The name of a signal. Real-time signals have none in Node. */
export const signalOf = (number: number): NodeJS.Signals => signals.get(number) ?? (`SIG${number}` as NodeJS.Signals)

/** The number of a signal, also of one that only has a number. */
export const numberOf = (signal: NodeJS.Signals): number => constants.signals[signal] ?? Number(signal.slice(3))

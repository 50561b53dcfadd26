import { leadingBack } from '../base/call-site.js'
import { inMegabytes, show } from '../base/words.js'
import type { Process } from '../command/process.js'
import type { Usage } from '../command/usage.js'
import {
  checkWait,
  describeProcess,
  hint,
  type MatcherOptions,
  type MatcherResult,
  retryOn,
  stateOf,
  subjectCommand,
} from './support.js'

/** The most that a command may use. */
export interface UsageLimits {
  /** Bytes, or a text such as `'64 MB'` (1,000,000 bytes each) or `'64 MiB'` (1,048,576). */
  readonly memory?: number | string
  /** ms of processor time. */
  readonly cpu?: number
}

const units: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
}

/** The bytes of a limit. */
function bytesOf(memory: unknown): number {
  if (typeof memory === 'number' && memory > 0) return memory
  const [, number, unit] = (typeof memory === 'string' && /^(\d+(?:\.\d+)?) ?([kKMG]?i?B)$/.exec(memory)) || []
  if (number === undefined || units[unit!] === undefined) {
    throw new TypeError(
      `toUseLessThan: memory is ${show(memory)}. Accepted are bytes, or a text such as '64 MB' or '64 MiB'.`,
    )
  }
  return Number(number) * units[unit!]!
}

function checkLimits(limits: unknown): Required<UsageLimits> {
  const { memory, cpu, ...others } = (typeof limits === 'object' && limits !== null ? limits : {}) as UsageLimits
  if (Object.keys(others).length > 0 || (memory === undefined && cpu === undefined)) {
    throw new TypeError(`toUseLessThan: the limits are ${show(limits)}. Accepted is { memory, cpu }, or one of them.`)
  }
  if (cpu !== undefined && !(typeof cpu === 'number' && cpu > 0)) {
    throw new TypeError(`toUseLessThan: cpu is ${show(cpu)}. Accepted is a number of milliseconds above 0.`)
  }
  return { memory: memory === undefined ? Infinity : bytesOf(memory), cpu: cpu ?? Infinity }
}

/** The exceeded limits, in words. */
function excess({ peakMemory, cpuMs }: Usage, limits: { memory: number; cpu: number }): string[] {
  const over: string[] = []
  if (peakMemory >= limits.memory)
    over.push(`${inMegabytes(peakMemory)} of memory (limit ${inMegabytes(limits.memory)})`)
  if (cpuMs >= limits.cpu) over.push(`${cpuMs} ms of processor time (limit ${limits.cpu} ms)`)
  return over
}

/**
 * Whether a command, together with everything that it started, has used less than these limits. Waits for the exit, and
 * marks it as seen. The command needs the option `usage`.
 *
 * @throws {TypeError} on invalid limits, and without the option `usage`.
 */
export function toUseLessThan(
  this: unknown,
  subject: Process,
  limits: UsageLimits,
  options?: MatcherOptions,
): Promise<MatcherResult> {
  return leadingBack(async () => {
    const { isNot = false } = stateOf(this)
    const process = subjectCommand('toUseLessThan', subject)
    const checked = checkLimits(limits) as { memory: number; cpu: number }
    checkWait('toUseLessThan', options)
    if (!process.isMetered) throw new TypeError('toUseLessThan: nobody has looked: run(…, { usage: true }), on Linux.')
    const look = () => ({ holds: process.record.lookAtExit() !== undefined, hasExited: process.isSettled })
    const over = (): string[] => (process.usage === undefined ? [] : excess(process.usage, checked))
    // Neither the matcher nor its opposite holds for a running process.
    const passes = ({ hasExited }: { hasExited: boolean }): boolean =>
      hasExited && process.usage !== undefined ? over().length === 0 : isNot
    const seen = await retryOn('toUseLessThan', process, look, true, options, (each) => passes(each) !== isNot)
    const { usage } = process
    return {
      pass: passes(seen),
      message: () => {
        const used =
          usage && `${inMegabytes(usage.peakMemory)} of memory at its peak, ${usage.cpuMs} ms of processor time`
        const said = over().length === 0 ? used : over().join(', and ')
        return `${hint('toUseLessThan', isNot)}\n\n${describeProcess(process)}${said === undefined ? '' : `, and used ${said}`}.`
      },
    }
  })
}

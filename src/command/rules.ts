import { milliseconds, oneOf, type Rules } from '../base/check.js'
import type { OutputWaitOptions } from './process.js'

// What the options of a command's calls accept.

export const graceRules: Rules<{ grace?: number }> = { grace: milliseconds }

export const outputWaitRules: Rules<OutputWaitOptions> = {
  timeout: milliseconds,
  stream: oneOf('stdout', 'stderr', 'output'),
  since: {
    accepts: 'a mark from process.mark()',
    test: (value) =>
      typeof value === 'object' && value !== null && Number.isInteger((value as { position?: unknown }).position),
  },
}

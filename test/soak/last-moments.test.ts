import { createProctor, UnexpectedExitError } from 'proctor'
import { expect, test } from 'vitest'
import { statOf } from '../proc.js'
import { rejectionOf } from '../rejection.js'
import { rounds } from './rounds.js'

// A program that fails while its last threads are still exiting: its test ends in the very moment in which its main
// thread has gone, and the failure is not taken for an end that the teardown has brought about.

test.runIf(process.platform === 'linux')(
  'a failure in the last moment is always seen',
  // Beside other programs, a machine of two processors starts three Nodes a second.
  { timeout: 400_000 },
  async () => {
    for (let round = 0; round < rounds(300, 8); round += 1) {
      const proctor = await createProctor()
      const failing = proctor.run('node', ['-e', 'process.exit(1)'])
      while (statOf(failing.pid!)?.state !== 'Z');
      expect(await rejectionOf(proctor.teardown())).toBeInstanceOf(UnexpectedExitError)
    }
  },
)

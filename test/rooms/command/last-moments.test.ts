import { freemem } from 'node:os'
import { expect, test } from 'vitest'
import { needs } from '../../needs.js'
import { isExiting } from '../../proc.js'
import { givenProctor, rejection } from '../given.js'

// A program fails, and its test ends while the kernel is still taking back the program's memory: a tenth of a second or
// two for each GB. The failure is not taken for an end that the teardown has brought about. The test of how the last
// threads exit, test/soak/last-moments.test.ts, has many rounds.

const inNode = `const all = Buffer.alloc(1.5e9, 1)
process.on('SIGUSR2', () => process.exit(1))
console.log('full')
setInterval(() => all, 1000)`

const inPerl = `$| = 1;
$all = "a" x 5e8;
$SIG{USR2} = sub { _exit(1) };
print "full\\n";
sleep 60`

test.runIf(process.platform === 'linux').for([
  ['its last thread', 'node', ['-e', inNode]],
  ['its only thread', 'perl', ['-MPOSIX=_exit', '-e', inPerl]],
] as const)('a failure is seen while the memory goes with %s', async ([, program, args], { skip }) => {
  needs(program)
  if (freemem() < 4e9) skip('needs 4 GB of free memory')
  const proctor = await givenProctor()
  const failing = proctor.run(program, args)
  // A busy machine takes more than the usual 4 s to give it so much memory.
  await failing.waitForOutput('full\n', { timeout: 20_000 })
  process.kill(failing.pid!, 'SIGUSR2')
  while (!isExiting(failing.pid!));
  expect(await rejection(proctor.teardown())).toMatchObject({ name: 'UnexpectedExitError', exitCode: 1 })
})

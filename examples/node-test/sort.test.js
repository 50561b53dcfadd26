import assert from 'node:assert/strict'
import test from 'node:test'
import { createProctor } from 'proctor'

test('sorts what it reads', async (t) => {
  const proctor = await createProctor()
  t.after(() => proctor.teardown())
  const { stdout } = await proctor.run('sort', [], { input: 'b\na\n' }).waitForSuccessfulExit()
  assert.equal(stdout, 'a\nb\n')
})

// `suite-worker.mjs MEGABYTES KIND` prints the ms that a hundred small tests of command-line programs take, one after
// another, in a process that holds this much memory. Each makes a folder with a file, runs a program that reads the
// file, and checks its output and its exit.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const [megabytes, kind] = process.argv.slice(2)
const held = Array.from({ length: Number(megabytes) / 16 }, () => Buffer.alloc(16 * 1024 * 1024, 1))

const kinds = {
  async proctor() {
    const { createProctor } = await import('proctor')
    return async () => {
      const proctor = await createProctor()
      await proctor.workspace.write({ 'words.txt': 'b\na\n' })
      const { stdout, exitCode } = await proctor.run('sort', ['words.txt']).waitForExit()
      await proctor.teardown()
      return { stdout, exitCode }
    }
  },
  async execa() {
    const [{ execa }, { dir }] = [await import('execa'), await import('tmp-promise')]
    return async () => {
      const { path: cwd, cleanup } = await dir({ unsafeCleanup: true })
      await writeFile(join(cwd, 'words.txt'), 'b\na\n')
      const { stdout, exitCode } = await execa('sort', ['words.txt'], { cwd, reject: false, stripFinalNewline: false })
      await cleanup()
      return { stdout, exitCode }
    }
  },
}

const begin = performance.now()
const oneTest = await kinds[kind]()
for (let test = 0; test < 100; test += 1) assert.deepEqual(await oneTest(), { stdout: 'a\nb\n', exitCode: 0 })
process.stdout.write(JSON.stringify({ took: performance.now() - begin, held: held.length }))

import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, linkSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { dist } from '../inner-run.js'
import { eventually } from '../machine.js'
import { needs } from '../needs.js'
import { givenRecord, givenShared, own, run, sweep } from './shared.js'

// Another user in the same temporary folder: what is put where a name of ours comes next, and records of others.

/** Runs a script that has `fs`. */
const runWithFiles = (folder: string, script: string, wrapper: readonly string[] = []): string =>
  run(folder, `const fs = await import('node:fs')\n${script}`, {}, wrapper)

/** Makes two workspaces one after the other. Between them, somebody takes the names that come next. */
const betweenTwo = `
  const first = await createProctor()
  const { path } = first.workspace
  const next = (number) => path.slice(0, -1) + number
  fs.writeFileSync(next(1), '')
  fs.writeFileSync(next(2), '')
  fs.symlinkSync('/etc', next(3))
  fs.symlinkSync(process.env.TMPDIR + '/precious', next(4))
  const second = await createProctor()
  await second.workspace.write('a.txt', 'x')
  const exit = await second.run('cat', ['a.txt']).waitForExit()
  const others = [1, 2, 3, 4].map(next).filter((each) => fs.lstatSync(each, { throwIfNoEntry: false }))
  console.log(exit.stdout, others.length, second.workspace.path.slice(0, -3) !== path.slice(0, -3))
  await second.teardown()
  await first.teardown()`

test('a workspace gets another name if somebody has taken the next ones', async () => {
  const folder = givenShared()
  expect(runWithFiles(folder, betweenTwo)).toBe('x 4 true\n')
  expect(existsSync(join(folder, 'precious'))).toBe(false)
  // Both records have gone. What somebody else has made stays.
  await eventually(() => (existsSync(own(folder)) ? undefined : true), 'the end of the guardian')
  expect(readdirSync(folder)).toHaveLength(4)
})

test('what may live on stands in the records of temporary folders that come later, too', async () => {
  const [folder, later] = [givenShared(), givenShared()]
  const script = `
    const first = await createProctor({ allow: ['sleep 30'] })
    const starter = first.run('sh', ['-c', 'cd /; sleep 30 >/dev/null 2>&1 & echo $!'])
    const { stdout } = await starter.waitForExit()
    await first.teardown()
    process.env.TMPDIR = ${JSON.stringify(later)}
    const second = await createProctor()
    void second.workspace.path
    const records = ${JSON.stringify(own(later))}
    console.log(fs.readdirSync(records).map((name) => fs.readFileSync(records + '/' + name, 'utf8')).join('').includes('process ' + stdout.trim() + ' '))
    process.kill(Number(stdout))
    await second.teardown()`
  expect(runWithFiles(folder, script)).toBe('true\n')
})

const disguises: Readonly<Record<string, (record: string) => void>> = {
  'others may write to it': (record) => chmodSync(record, 0o622),
  'it has a second name': (record) => linkSync(record, `${record}-`),
  'it is a link': (record) => {
    writeFileSync(`${record}-`, readFileSync(record))
    rmSync(record)
    symlinkSync(`${record}-`, record)
  },
}

test('a record that others may have written is not believed', () => {
  const folder = givenShared()
  for (const disguise of Object.values(disguises)) {
    const given = givenRecord(folder, 'aaaaa')
    disguise(given.record)
    sweep(folder)
    expect(existsSync(given.workspace)).toBe(true)
    for (const name of readdirSync(own(folder))) rmSync(join(own(folder), name))
    rmSync(given.workspace, { recursive: true })
  }
  const given = givenRecord(folder, 'aaaaa')
  sweep(folder)
  expect(existsSync(given.workspace)).toBe(false)
})

test('a FIFO and a record of another user', () => {
  needs('root', 'setpriv')
  const folder = givenShared()
  const given = givenRecord(folder, 'aaaaa')
  spawnSync('chown', ['65534', given.record])
  spawnSync('mkfifo', [join(own(folder), 'bbbbb.record')])
  sweep(folder)
  expect(existsSync(given.workspace)).toBe(true)
})

test('a trace is not written through a link, neither by its worker nor by the guardian', async () => {
  const folder = givenShared()
  const [precious, trace] = [join(folder, 'precious'), join(folder, 'trace.html')]
  writeFileSync(precious, 'untouched')
  const isBegun = `until find ${own(folder)} -name '*.html' -size +0 | grep -q .; do :; done`
  for (const end of ['true', `${isBegun}; kill -KILL $PPID`]) {
    rmSync(trace, { force: true })
    symlinkSync(precious, trace)
    const args = ['run', '--trace', trace, '--', 'sh', '-c', end]
    spawnSync(process.execPath, [join(dist, 'cli.cjs'), ...args], { env: { ...process.env, TMPDIR: folder } })
    const isThere = (): boolean => existsSync(trace) && readFileSync(trace, 'utf8').startsWith('<!')
    await eventually(() => (isThere() ? true : undefined), 'the trace')
    expect(readFileSync(precious, 'utf8')).toBe('untouched')
  }
})

test('a record that the disk has no room for is not used later, when there is room again', () => {
  needs('root', 'unshare', 'mount')
  const folder = givenShared()
  const script = `
    const { execFileSync } = await import('node:child_process')
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', process.env.TMPDIR])
    const [fill, records] = [process.env.TMPDIR + '/fill', ${JSON.stringify(own(folder))}]
    try { fs.writeFileSync(fill, Buffer.alloc(1 << 20)) } catch {}
    await createProctor().catch((error) => console.log(error.name, error.message.includes('ENOSPC')))
    fs.rmSync(fill)
    const proctor = await createProctor()
    console.log(fs.readdirSync(records).map((name) => fs.statSync(records + '/' + name).size > 0))
    await proctor.teardown()`
  expect(runWithFiles(folder, script, ['unshare', '--mount', '--propagation', 'private'])).toBe(
    'WorkspaceError true\n[ true ]\n',
  )
})

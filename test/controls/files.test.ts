import { spawn, spawnSync } from 'node:child_process'
import { on, once } from 'node:events'
import { existsSync, linkSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { onTestFinished } from 'vitest'
import { expect, test } from 'proctor/vitest'
import { givenRecord, sweep } from '../faults/shared.js'
import { endByCommandLine, eventually, findByCommandLine, uniqueNumber } from '../machine.js'
import { inRoot } from '../inner-run.js'
import { needs } from '../needs.js'
import { buildMutant, type Mutation } from './mutant.js'

// What removal and the guardian depend on: with these removed, the tests in test/faults get other results.

const mutations: readonly Mutation[] = [
  {
    // Removal crosses every mount.
    file: 'src/workspace/removal.ts',
    from: 'if (inner.identity.mount !== this.#folder.identity.mount) return this.#mountedOn(name)',
    to: 'void this.#mountedOn',
  },
  {
    // A process number belongs to a command for ever.
    file: 'src/guardian/estate.ts',
    from: 'if (holder !== undefined && !table.isSame(holder, leader)) return',
    to: 'void holder',
  },
  {
    file: 'src/guardian/estate.ts',
    from: 'if (isMember && !table.isOlder(record, leader) && record.startTime < before) remember(root, record)',
    to: 'if (isMember && before >= 0) remember(root, record)',
  },
  {
    // An allowed process is recognised by its number alone.
    file: 'src/guardian/guardian.ts',
    from: "this.#exempt(`tree ${tree} ${locks ?? ''}`)",
    to: 'void [tree, locks]',
  },
  {
    // A record is believed whoever may have written it.
    file: 'src/workspace/own-file.ts',
    from: 'if (!isOwn(file))',
    to: 'if (!isOwn)',
  },
]

const program = (name: string): string => inRoot(`fixtures/programs/faults/${name}`)

test(
  'without its parts removal goes through mounts, the guardian kills strangers, and forged records are believed',
  { timeout: 60_000 },
  async ({ workspace }) => {
    needs('root', 'unshare', 'mount')
    await buildMutant({ workspace }, mutations, ['cli'])
    const dist = workspace.resolve('dist')
    const temporaryFolder = (name: string): string => {
      mkdirSync(workspace.resolve(name))
      return workspace.resolve(name)
    }
    const inNamespace = (folder: string, ...args: string[]): unknown => {
      const env = { ...process.env, TMPDIR: folder }
      return JSON.parse(spawnSync('unshare', args, { encoding: 'utf8', env, timeout: 30_000 }).stdout)
    }

    const precious = temporaryFolder('precious')
    writeFileSync(`${precious}/file`, '')
    const ownMounts = ['--mount', '--propagation', 'private', process.execPath]
    expect(inNamespace(temporaryFolder('1'), ...ownMounts, program('mounts.mjs'), dist, precious)).toMatchObject({
      precious: [],
    })

    const shared = temporaryFolder('shared')
    const given = givenRecord(shared, 'aaaaa')
    linkSync(given.record, `${given.record}-`)
    sweep(shared, dist)
    expect(existsSync(given.workspace)).toBe(false)

    const second = temporaryFolder('2')
    const ownNumbers = ['--pid', '--fork', '--mount-proc', '--kill-child', process.execPath]
    const ownFolder = `${second}/proctor-${process.geteuid!()}`
    expect(inNamespace(second, ...ownNumbers, program('reused-number.mjs'), dist, ownFolder)).toEqual({
      isSame: true,
      lives: false,
    })

    const [number, third, go] = [uniqueNumber(), temporaryFolder('3'), workspace.resolve('go')]
    const daemon = `cd /; setsid -f sh -c 'until [ -e ${go} ]; do sleep 0.02; done; setsid -f sleep ${number}; exec sleep 9${number}' allowed-daemon >/dev/null 2>&1; echo up`
    const worker = spawn(process.execPath, [program('worker.mjs'), dist, daemon, '{"allow":["allowed-daemon"]}'], {
      env: { ...process.env, TMPDIR: third },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    onTestFinished(() => endByCommandLine(number))
    const said = async (text: string): Promise<void> => {
      for await (const [chunk] of on(worker.stdout, 'data')) if (String(chunk).includes(text)) return
    }
    await said('worker')
    worker.stdin.write('tear down\n')
    await said('torn down')
    // What an allowed daemon starts later is recognised only by the mark of its tree.
    writeFileSync(go, '')
    await eventually(() => (findByCommandLine(`sleep ${number}`).length > 0 ? true : undefined), 'a later helper')
    worker.stdin.write('end\n')
    await once(worker, 'exit')
    await eventually(() => (readdirSync(third).length === 0 ? true : undefined), 'the end of the guardian')
    expect(findByCommandLine(number).map((line) => line.replace(/^\d+ /, ''))).toEqual([`sleep 9${number}`])
  },
)

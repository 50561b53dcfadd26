import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { pause } from '../../../src/base/clock.js'
import { BasicContainment } from '../../../src/containment/basic.js'
import { ChildLedger } from '../../../src/containment/child-ledger.js'
import { Orphans } from '../../../src/containment/orphans.js'
import type { Root } from '../../../src/containment/root.js'
import { reapGroups, stopGroup } from '../../../src/containment/storm.js'
import { StrictContainment } from '../../../src/containment/strict.js'
import { TableSource } from '../../../src/containment/table-source.js'
import type { Tree } from '../../../src/containment/tree.js'
import { table } from '../../../src/system/process-table/current.js'
import { childrenOf, lastPid, readStat } from '../../../src/system/process-table/linux.js'
import type { ProcessIdentity, ProcessRecord } from '../../../src/system/process-table/table.js'
import { loadNatives, type Natives } from '../../../src/system/syscalls.js'
import { cleanEnvironment } from '../../inner-run.js'
import { eventually, findByCommandLine, isRunning, uniqueNumber } from '../../machine.js'
import { treeOf } from './tree-of.js'

// How a group is stopped that nobody can read: because every member that is read has already exited, or because the
// machine is too busy to list its processes. Each shell of the first tests leaves one living member and one dead one, and
// this process has adopted both.

const loaded = loadNatives()
const natives = loaded as Natives
const ledger = new ChildLedger()

const givenTree = (identity: ProcessIdentity, isHeld = (): boolean => false): Tree =>
  treeOf(identity, { mark: 'PROCTOR_MARK_storm=1', isHeld })

const stateOf = (pid: number): string | undefined => readStat(pid)?.state

/** A group with a dead and a living member. Its leader lives until it is written to. */
async function givenGroup(): Promise<{ child: ChildProcess; identity: ProcessIdentity; dead: number; alive: number }> {
  const number = uniqueNumber()
  // The subshell makes both, because dash would wait for its own children.
  const script = `sh -c 'true & exec sleep ${number}' & read go`
  const child = spawn('sh', ['-c', script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  const identity = table.identify(child.pid!)!
  const line = await eventually(
    () => findByCommandLine(number).find((each) => /^\d+ sleep /.test(each)),
    'the living one',
  )
  const alive = Number.parseInt(line, 10)
  onTestFinished(() => {
    if (isRunning(alive)) process.kill(alive, 'SIGKILL')
  })
  const dead = await eventually(() => childrenOf(alive, true).find((pid) => stateOf(pid) === 'Z'), 'the dead one')
  return { child, identity, dead, alive }
}

async function givenOrphans(): Promise<{ tree: Tree; dead: number; alive: number; orphans: Orphans }> {
  const { child, identity, dead, alive } = await givenGroup()
  const tree = givenTree(identity)
  child.stdin!.end('go\n')
  await once(child, 'exit')
  const around = {
    trees: new Set([tree]),
    outside: new Set<string>(),
    spared: new Set<bigint>(),
    session: 0,
    guardian: () => undefined,
  }
  return { tree, dead, alive, orphans: new Orphans(natives, ledger, around, new Map()) }
}

/**
 * Answers each question only when the members of these trees' groups that this process has adopted by now have exited,
 * or are stopped. A machine that is busy between the list of children and the first of them makes the same.
 */
function slowly(trees: ReadonlySet<Tree>): () => undefined {
  const isRunningMember = (pid: number): boolean => {
    const record = readStat(pid)
    return record !== undefined && !/[ZTX]/.test(record.state) && isGroupOf(trees, record.group)
  }
  // Each is waited for once. Otherwise the calls would take so long, the more zombies there are, that the storm is over.
  const known = new Set<number>()
  return () => {
    for (const pid of childrenOf(process.pid, true)) {
      if (known.has(pid)) continue
      while (isRunningMember(pid)) pause(0.1)
      known.add(pid)
    }
  }
}

const isGroupOf = (trees: ReadonlySet<Tree>, group: number): boolean =>
  [...trees].some(({ identity }) => identity.pid === group)

/**
 * One process at a time, about one in a millisecond, in one group. It ends by itself after 4000 of them. Not by a
 * function that calls itself: dash refuses that after 1000 calls.
 */
const storm = `
[ "$n" -lt 4000 ] || exit 0
n=$((n + 1)) each=0
while [ "$each" -lt 100 ]; do each=$((each + 1)); done
eval "$storm" &
exit 0`

function givenStorm(before = ''): { readonly tree: Tree; readonly leader: ChildProcess } {
  const env = cleanEnvironment({ storm, n: '0', PROCTOR_MARK_storm: '1' })
  const leader = spawn('sh', ['-c', `${before} eval "$storm"`], { detached: true, stdio: ['pipe', 1, 2], env })
  const tree = givenTree(table.identify(leader.pid!)!, () => leader.exitCode === null && leader.signalCode === null)
  return { tree, leader }
}

describe.runIf(process.platform === 'linux' && typeof loaded === 'object')('a storm in a group', () => {
  beforeAll(() => void natives.setSubreaper(true))
  afterAll(() => void natives.setSubreaper(false))

  test('is stopped through a dead member', async () => {
    const { tree, dead, alive, orphans } = await givenOrphans()
    // The dead member's parent is alive, and has not waited for it.
    stopGroup(tree, [dead], ledger, orphans)
    const isStopped = await eventually(() => (stateOf(alive) === 'T' ? true : undefined), 'the living one stopped')
    expect(isStopped).toBe(true)
  })

  test('is left alone if its number may be another group’s', async () => {
    const { tree, dead, alive, orphans } = await givenOrphans()
    tree.groupIsGone = true
    stopGroup(tree, [dead], ledger, orphans)
    expect(stateOf(alive)).toBe('S')
  })

  test('its zombies are waited for, and its group has ended with the last one', async () => {
    const { tree, dead, alive } = await givenOrphans()
    expect(reapGroups([tree], ledger, natives, 9)).toBe(0)
    process.kill(alive, 'SIGKILL')
    let reaped = 0
    await eventually(() => ((reaped += reapGroups([tree], ledger, natives, 9)) === 2 ? true : undefined), 'both dead')
    expect(tree.groupIsGone).toBe(true)
    expect([stateOf(alive), stateOf(dead)]).toEqual([undefined, undefined])
  })

  test('zombies of a stranger’s group that has got the number are left to the stranger', async () => {
    const { child, identity, alive } = await givenGroup()
    const tree = givenTree({ pid: identity.pid, startTime: identity.startTime - 1 })
    expect(reapGroups([tree], ledger, natives, 9)).toBe(0)
    expect(tree.groupIsGone).toBe(true)
    process.kill(alive, 'SIGKILL')
    child.stdin!.end('go\n')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test('is named when it is ended, although whatever is read has already exited', async () => {
    const trees = new Set<Tree>()
    const around = { trees, outside: new Set<string>(), spared: new Set<bigint>(), session: 0, guardian: slowly(trees) }
    const strict = new StrictContainment(natives, ledger, around, new Map())
    strict.enter('0.1')
    onTestFinished(() => strict.leave('0.1'))
    for (let each = 0; each < 2; each += 1) {
      const { tree, leader } = givenStorm()
      strict.add(tree)
      await once(leader, 'exit')
      const { killed, survivors } = await strict.kill([tree], 5000)
      expect(killed).not.toEqual([])
      expect(survivors).toEqual([])
      strict.remove(tree)
    }
  })
})

/** Sees whether the group has been stopped before the process table is listed for the first time. */
class WatchedTable extends TableSource {
  isStopped: boolean | undefined
  readonly #group: number

  constructor(group: number) {
    super({ session: 0, outside: new Set() })
    this.#group = group
  }

  override read(roots: readonly Root[]): Promise<ReadonlyMap<number, ProcessRecord>> {
    // The signal takes effect when the process runs the next time.
    for (let round = 0; this.isStopped !== true && round < 100; round += 1) {
      const states = [...table.membersOf(this.#group)].map(({ state }) => state)
      this.isStopped = states.length > 0 && states.every((state) => state === 'T')
      pause(1)
    }
    this.isStopped ??= false
    return super.read(roots)
  }
}

describe.runIf(process.platform === 'linux')('a storm in a group, without a subreaper', () => {
  test.for([
    ['its leader alive', 'n=0; eval "$storm" & read go; exit;'],
    ['its leader gone', ''],
  ] as const)('is stopped before the process table is listed, %s', async ([name, before]) => {
    const { tree, leader } = givenStorm(before)
    onTestFinished(() => void leader.stdin?.destroy())
    const source = new WatchedTable(tree.identity.pid)
    const basic = new BasicContainment(new Set(), { session: 0, outside: new Set() }, source)
    basic.enter('0.1')
    onTestFinished(() => basic.leave('0.1'))
    const first = lastPid()
    basic.add(tree)
    if (name === 'its leader gone') await once(leader, 'exit')
    await eventually(() => (Math.abs(lastPid() - first) > 200 ? true : undefined), 'the storm')
    const { killed, survivors } = await basic.kill([tree], 20_000)
    expect(source.isStopped).toBe(true)
    expect(killed).not.toEqual([])
    expect(survivors).toEqual([])
  })
})

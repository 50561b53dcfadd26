import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { pause } from '../../../src/base/clock.js'
import { BasicContainment } from '../../../src/containment/basic.js'
import type { Root } from '../../../src/containment/root.js'
import { TableSource } from '../../../src/containment/table-source.js'
import { table } from '../../../src/system/process-table/current.js'
import { isRunning } from '../../../src/system/process-table/holder.js'
import type { ProcessRecord } from '../../../src/system/process-table/table.js'
import { Pipe } from '../../escapes/witness.js'
import { cleanEnvironment } from '../../inner-run.js'
import { eventually, makeFolder, removeFolder } from '../../machine.js'
import { treeOf } from './tree-of.js'

// Programs that start themselves anew, each time in another session, as a guardian meets them. The kill goes on until a
// look finds nobody. What forked while the table was listed is ended where it is found, which is often enough, too: so a
// test with a real guardian passes without one of the two.

const mark = 'PROCTOR_MARK_hoppers=1'

/** How long each of the programs lives, in seconds. They end by themselves after some hundred hops. */
const lives = ['0.01', '0.01', '0.01', '30', '30']
const hopper = `[ "$2" -lt 300 ] && [ ! -e stop ] || exit; sleep $1; setsid -f sh -c "$0" "$0" "$1" $(($2 + 1))`

/** The process table of a machine that is busy after the first listing: the short-lived of the listed have gone then. */
class BusySource extends TableSource {
  #isBusy = true

  override async read(roots: readonly Root[]): Promise<ReadonlyMap<number, ProcessRecord>> {
    const records = await super.read(roots)
    const listed = [...records.values()].filter(({ pid }) => this.#isBusy && isShortLived(pid))
    while (listed.some(isRunning)) pause(1)
    this.#isBusy &&= listed.length === 0
    return records
  }
}

const isShortLived = (pid: number): boolean =>
  table.environment(pid)?.includes(mark) === true && !/ 30\b/.test(table.commandLine(pid))

test.runIf(process.platform === 'linux')('all are dead, although some hop while the others are found', async () => {
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  const pipe = new Pipe(join(folder, 'pipe'))
  onTestFinished(() => {
    writeFileSync(join(folder, 'stop'), '')
    pipe.close()
  })
  const script = `exec 9>pipe; for life in ${lives.join(' ')}; do setsid -f sh -c "$0" "$0" $life 0; done; read go`
  const env = cleanEnvironment({ PROCTOR_MARK_hoppers: '1' })
  const leader = spawn('sh', ['-c', script, hopper], { cwd: folder, detached: true, env, stdio: ['pipe', 1, 2] })
  const isHeld = (): boolean => leader.exitCode === null && leader.signalCode === null
  const tree = treeOf(table.identify(leader.pid!)!, { mark, workspace: folder, isHeld })
  await eventually(() => (pipe.isHeld ? true : undefined), 'somebody holds the pipe')
  leader.stdin!.end('go\n')
  await once(leader, 'exit')
  expect(pipe.isHeld).toBe(true)

  const self = { session: 0, outside: new Set<string>() }
  const containment = new BasicContainment(new Set([tree]), self, new BusySource(self))
  await containment.kill([tree], 20_000)
  await eventually(() => (pipe.isHeld ? undefined : true), 'the end of file of the pipe', 2000)
})

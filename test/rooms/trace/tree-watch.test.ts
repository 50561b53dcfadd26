import { expect, onTestFinished, test } from 'vitest'
import { TreeWatch, type WatchedProcess } from '../../../src/trace/tree-watch.js'
import { now } from '../../../src/base/clock.js'
import { eventually } from '../../machine.js'
import { givenProctor, shell } from '../given.js'

// What is seen of a tree while it lives. The test watches the command's own tree with a second watch of its own.

interface Event {
  readonly what: string
  readonly command: string
  readonly process: WatchedProcess
}

function givenWatch(most = 100): { events: Event[]; watch: TreeWatch } {
  const events: Event[] = []
  const note =
    (what: string) =>
    (process: WatchedProcess): void =>
      void events.push({ what, command: process.command, process })
  const watch = new TreeWatch(
    {
      started: note('started'),
      executed: note('exec'),
      changedGroup: note('changed group'),
      reparented: note('reparented'),
      exited: note('exited'),
    },
    most,
  )
  onTestFinished(() => watch.close())
  return { events, watch }
}

const whatOf = (events: readonly Event[], command: string): string[] =>
  events.filter(({ process }) => process.command === command).map(({ what }) => what)

test('reports starts, execs, changes of group and parent, and exits', async () => {
  const { events, watch } = givenWatch()
  const proctor = await givenProctor({ allow: ['sleep 7301'] })
  // Each shell waits for a file without starting a program. Then one becomes sleep in its own session, and the other
  // exits.
  const waitFor = (file: string): string => `until [ -e ${file} ]; do :; done`
  const command = shell(proctor, `(${waitFor('go')}; exec setsid sleep 7301) & ${waitFor('end')}; exit 0`)
  watch.add(command.ownTree!, command.command, now())
  const seen = (what: string, last: string): Promise<Event> =>
    eventually(() => events.find((each) => each.what === what && each.process.command === last), `${what} ${last}`)
  const child = (await eventually(() => events.find(({ process }) => process.parent !== undefined), 'a child')).process
  expect(child.parent!.pid).toBe(command.pid)
  expect(child.group).toBe(command.pid)
  await proctor.workspace.write('go', '')
  await seen('exec', 'sleep 7301')
  await seen('changed group', 'sleep 7301')
  expect(child.session).toBe(child.pid)
  await proctor.workspace.write('end', '')
  await command.waitForExit()
  await seen('reparented', 'sleep 7301')
  await command.kill().catch(() => {})
  await seen('exited', 'sleep 7301')
  // Between the shell and sleep, it may have been seen as setsid, already in its new session.
  const what = new Set(whatOf(events, 'sleep 7301'))
  expect(what).toEqual(new Set(['started', 'exec', 'changed group', 'reparented', 'exited']))
  expect([...what].at(-1)).toBe('exited')
  expect(watch.unreported).toBe(0)
})

test('reports only so many processes, and counts the others', async () => {
  const { events, watch } = givenWatch(3)
  const proctor = await givenProctor()
  const command = shell(proctor, 'for i in 1 2 3 4 5; do sleep 7302 & done; wait')
  watch.add(command.ownTree!, command.command, now())
  await eventually(() => (watch.unreported === 3 ? true : undefined), 'three unreported')
  await command.kill()
  expect(events.filter(({ what }) => what === 'started')).toHaveLength(3)
})

test('a watch that is closed sees nothing more', async () => {
  const { events, watch } = givenWatch()
  const proctor = await givenProctor()
  const command = shell(proctor, 'read go; sleep 7303 & wait')
  watch.add(command.ownTree!, command.command, now())
  watch.close()
  await command.write('go\n')
  await eventually(() => (command.ownTree!.known.size > 0 ? true : undefined), 'containment sees it')
  watch.look()
  expect(events.map(({ what }) => what)).toEqual(['started'])
  await command.kill()
})

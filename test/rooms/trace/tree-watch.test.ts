import { expect, onTestFinished, test } from 'vitest'
import { TreeWatch, type WatchedProcess } from '../../../src/trace/tree-watch.js'
import { now } from '../../../src/base/clock.js'
import { eventually } from '../../machine.js'
import { givenProctor, shell } from '../given.js'

// What is seen of a tree while it lives. The command's own tree is watched a second time, by a watch of the test's.

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
      becameAnother: note('became another'),
      moved: note('moved'),
      orphaned: note('orphaned'),
      gone: note('gone'),
    },
    most,
  )
  onTestFinished(() => watch.close())
  return { events, watch }
}

const whatOf = (events: readonly Event[], command: string): string[] =>
  events.filter(({ process }) => process.command === command).map(({ what }) => what)

test('who was started by whom, became another program, left the group, lost its parent, and went', async () => {
  const { events, watch } = givenWatch()
  const proctor = await givenProctor({ allow: ['sleep 7301'] })
  // Each shell waits for a file, without a program of its own: to become sleep in its own session, and to exit.
  const waitFor = (file: string): string => `until [ -e ${file} ]; do :; done`
  const command = shell(proctor, `(${waitFor('go')}; exec setsid sleep 7301) & ${waitFor('end')}; exit 0`)
  watch.add(command.ownTree!, command.command, now())
  const seen = (what: string, last: string): Promise<Event> =>
    eventually(() => events.find((each) => each.what === what && each.process.command === last), `${what} ${last}`)
  const child = (await eventually(() => events.find(({ process }) => process.parent !== undefined), 'a child')).process
  expect(child.parent!.pid).toBe(command.pid)
  expect(child.group).toBe(command.pid)
  await proctor.workspace.write('go', '')
  await seen('became another', 'sleep 7301')
  await seen('moved', 'sleep 7301')
  expect(child.session).toBe(child.pid)
  await proctor.workspace.write('end', '')
  await command.waitForExit()
  await seen('orphaned', 'sleep 7301')
  await command.kill().catch(() => {})
  await seen('gone', 'sleep 7301')
  // Between the shell and sleep it may have been seen as setsid, in its new session already.
  const what = new Set(whatOf(events, 'sleep 7301'))
  expect(what).toEqual(new Set(['started', 'became another', 'moved', 'orphaned', 'gone']))
  expect([...what].at(-1)).toBe('gone')
  expect(watch.untold).toBe(0)
})

test('of too many only so many are told, and the others counted', async () => {
  const { events, watch } = givenWatch(3)
  const proctor = await givenProctor()
  const command = shell(proctor, 'for i in 1 2 3 4 5; do sleep 7302 & done; wait')
  watch.add(command.ownTree!, command.command, now())
  await eventually(() => (watch.untold === 3 ? true : undefined), 'three untold')
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

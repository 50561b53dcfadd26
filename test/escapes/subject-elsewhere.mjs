// subject.ts as a script of its own, for another user or a second run. It exits when its input ends.
import { createInterface } from 'node:readline'
import { createProctor } from 'proctor'

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)
const proctor = await createProctor({ containment: process.argv[2], grace: 200, leakTimeout: 60 })
say({ workspace: proctor.workspace.path })

const actions = {
  kill: () => proctor.processes[0].kill(),
  terminate: () => proctor.processes[0].terminate(),
  teardown: () => proctor.teardown(),
}

async function answerOf(action) {
  let error
  try {
    await action()
  } catch (thrown) {
    error = thrown
  }
  const commands = error?.report?.commands ?? []
  return {
    error: error?.name,
    message: error?.message ?? '',
    leaked: commands.flatMap(({ leaked }) => leaked.map(({ pid }) => pid)),
    survived: commands.flatMap(({ survived }) => survived.map(({ outcome }) => outcome)),
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { start, env, wait, end } = JSON.parse(line)
  if (start !== undefined) proctor.run(start[0], start.slice(1), { env })
  if (wait) await proctor.processes[0].waitForExit()
  say(end === undefined ? {} : await answerOf(actions[end]))
}
await proctor.teardown().catch(() => {})
process.exit()

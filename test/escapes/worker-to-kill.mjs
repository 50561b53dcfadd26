// A worker whose commands are the escapes, each with its own fixture. It says where they are, and lives until it is
// killed.
import { createProctor } from 'proctor'

async function start({ command, env, files = {}, isAwaited }) {
  const proctor = await createProctor({ leaks: 'kill' })
  await proctor.workspace.write(files)
  const leader = proctor.run(command[0], command.slice(1), { env })
  if (isAwaited) await leader.waitForExit({ timeout: 30_000 })
  return proctor.workspace.path
}

const workspaces = await Promise.all(JSON.parse(process.argv[2]).map(start))
console.log(JSON.stringify(workspaces))
setInterval(() => {}, 1_000_000)

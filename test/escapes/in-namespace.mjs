// Process 1 of a pid namespace. `in-namespace.mjs SCENARIO LEVEL ENDING` prints one word. With `guardian`, the worker
// is a process of its own in the namespace and is killed. The word is printed once its guardian is done.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createProctor } from 'proctor'

// A line written to STRANGER makes somebody else start a session.
const [scenario, level, ending] = process.argv.slice(2)
const isSupervisor = scenario.startsWith('reuse') && ending === 'guardian'
const proctor = isSupervisor ? undefined : await createProctor({ containment: level, grace: 200, leakTimeout: 60 })

function stat(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const [state, ppid, group] = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const name = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'))
    return { pid, name, state, ppid: Number(ppid), group: Number(group) }
  } catch {
    return { pid, state: 'X' }
  }
}

const membersOf = (group) =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(stat)
    .filter((record) => record.group === group && !/[ZX]/.test(record.state))

async function end(command) {
  try {
    await (ending === 'kill' ? command.kill() : proctor.teardown())
  } catch (error) {
    return error
  }
  return undefined
}

/** A stranger leads its own group, has a child, and gets the number that a command of ours had. */
async function reuse() {
  // Longer than a clock tick, so that the start times differ.
  const command = proctor.run('sleep', ['0.05'])
  const { pid } = command
  await command.waitForExit()
  for (let attempt = 0; attempt < 100; attempt += 1) {
    // ns_last_pid is the number that this namespace gave last. The next process gets the next number, if that is free.
    writeFileSync('/proc/sys/kernel/ns_last_pid', String(pid - 1))
    if (scenario === 'reuse by a stranger') {
      writeFileSync(process.env.STRANGER, 'now\n')
      for (let wait = 0; wait < 20 && stat(pid).state === 'X'; wait += 1)
        await new Promise((resolve) => setTimeout(resolve, 5))
      if (stat(pid).state !== 'X') break
      continue
    }
    const child = spawn('sh', ['-c', '(sleep 60 &); exec sleep 60'], { detached: true, stdio: 'ignore' })
    if (child.pid === pid) break
    process.kill(-child.pid, 'SIGKILL')
    await new Promise((resolve) => child.once('exit', resolve))
  }
  // Waits until both are `sleep`: during a fork there are other processes.
  const areUp = () => membersOf(pid).filter(({ name }) => name === 'sleep').length === 2
  for (let attempt = 0; !areUp(); attempt += 1) {
    if (attempt === 400) return 'the number did not come back'
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  if (ending === 'worker') return pid
  await end(command)
  if (ending === 'kill') await proctor.teardown()
  return strangersOf(pid)
}

function strangersOf(pid) {
  const left = membersOf(pid).length
  return left === 2 ? 'left alone' : `${2 - left} of 2 strangers killed`
}

/** The same, but the worker is killed. */
async function killWorker() {
  const worker = spawn(process.execPath, [process.argv[1], scenario, level, 'worker'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const word = await new Promise((resolve) => void worker.stdout.once('data', (text) => resolve(String(text).trim())))
  if (!/^\d+$/.test(word)) return word
  worker.kill('SIGKILL')
  const own = `${process.env.TMPDIR}/proctor-${process.getuid()}`
  while (existsSync(own)) await new Promise((resolve) => setTimeout(resolve, 10))
  return strangersOf(Number(word))
}

/** We adopt every orphan, and with `basic` nobody waits for it. */
async function firstProcess() {
  const program = new URL('../../fixtures/programs/escapes/leader-exits-first.sh', import.meta.url).pathname
  const command = proctor.run('sh', [program], { env: { WITNESS: process.env.WITNESS ?? '/dev/null' } })
  const { pid } = command
  await command.waitForExit()
  while (membersOf(pid).length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  if (ending === 'guardian') return 'up'
  const begin = performance.now()
  const error = await end(command)
  const ms = performance.now() - begin
  if (membersOf(pid).length > 0) return `alive: ${String(error)}`
  if (ms > 2000) return `dead after ${ms} ms`
  if (ending === 'teardown') return error?.name === 'LeakedProcessError' ? 'dead, blamed' : String(error)
  await proctor.teardown()
  return error?.name === 'AlreadyExitedError' ? 'dead' : String(error)
}

console.log(await (isSupervisor ? killWorker() : scenario.startsWith('reuse') ? reuse() : firstProcess()))
// The test kills this process from outside.
if (ending !== 'worker' && !(ending === 'guardian' && !isSupervisor)) process.exit()
setInterval(() => {}, 1_000_000)

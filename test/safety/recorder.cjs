// Preloaded into every Node process of the tests to record calls of process.kill. It looks at each process that is about to
// get a signal from this package, using only /proc. It writes down one line: what the process is, or that it must not get
// a signal. It is no ES module, because Node takes a sixth longer to start when it has to preload one.
const { ChildProcess } = require('node:child_process')
const { appendFileSync, readdirSync, readFileSync, readlinkSync } = require('node:fs')

const folder = process.env['PROCTOR_TEST_RECORD']
const read = (path) => {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return '' // The process has gone, or is another user's.
  }
}
const statOf = (pid) => {
  const fields = /\) (.*)/s.exec(read(`/proc/${pid}/stat`))?.[1]?.split(' ')
  return (
    fields && {
      ppid: Number(fields[1]),
      group: Number(fields[2]),
      session: Number(fields[3]),
      start: Number(fields[19]),
    }
  )
}

const isDescendant = (pid) => {
  for (let each = pid; each > 1; each = statOf(each)?.ppid ?? 0) if (each === process.pid) return true
  return false
}
const cwdOf = (pid) => {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return '' // The process has gone, or is another user's.
  }
}

/** What /proc shows of the target of a signal. It is read before the signal, and as quickly as can be. */
function factsOf(target) {
  const pid = Math.abs(target)
  const stat = statOf(pid)
  if (stat === undefined) return {}
  return {
    stat,
    isOurs: isDescendant(stat.ppid),
    cmdline: read(`/proc/${pid}/cmdline`),
    environment: read(`/proc/${pid}/environ`),
    cwd: cwdOf(pid),
  }
}

/** What the target of a signal is. A target whose description begins with `!` must never get one. */
function judge(target, { stat, isOurs, cmdline, environment, cwd }) {
  const pid = Math.abs(target)
  if (!Number.isSafeInteger(target) || pid <= 1) return '!everyone, or nobody'
  if (stat === undefined) return 'gone, or a group without its leader'
  const line = cmdline.replaceAll('\0', ' ')
  const own = statOf(process.pid)
  const isRun = process.argv[1]?.endsWith('/dist/cli.cjs') && process.argv[2] === 'run'
  if (target === process.pid && isRun) return 'proctor run itself, which dies as its command did'
  if (pid === process.pid || isAncestor(pid)) return `!the runner: ${line}`
  // A process that a test starts by itself, and a guard ends, stays in the runner's session. It must descend from this
  // process then.
  const isMarked = environment.includes('PROCTOR_MARK_')
  // A process that is exiting no longer shows its command line or its environment.
  const isKnown = isMarked || isOurs || line === '' || environment === ''
  if (stat.session === own.session && !isKnown) return `!in the runner's session: ${line}`
  if (line.includes('bystander') || /\b86399\b/.test(line)) return `!a bystander: ${line}`
  if (stat.start < Number(process.env['PROCTOR_TEST_RECORD_SINCE'])) return `!older than the tests: ${line}`
  if (isOurs) return 'a descendant'
  if (isMarked) return 'marked'
  if (cwd.includes('/proctor-')) return 'in a workspace'
  return 'found by what it was or held before'
}

// A dead worker's guardian does not descend from its runner. What it signals does not either, whatever its group.
const isRunner = (pid) => /vitest\/|vitest\.mjs|jest-worker|node --test/.test(read(`/proc/${pid}/cmdline`))
const membersOf = (group) =>
  readdirSync('/proc').filter((name) => /^\d+$/.test(name) && statOf(Number(name))?.group === group)

function judgeForGuardian(target, facts) {
  if (process.argv[2] === 'worker') return 'its own worker, whose main process has gone'
  const runner = (target < 0 ? membersOf(-target) : [target]).find((pid) => isRunner(pid))
  return runner === undefined
    ? judge(target, facts)
    : `!a runner: ${read(`/proc/${runner}/cmdline`).replaceAll('\0', ' ')}`
}

/** The file that calls a function. A runner maps stacks to sources, which takes longer than all the rest here. */
function callerOf(called) {
  const { prepareStackTrace, stackTraceLimit } = Error
  const holder = {}
  try {
    Error.stackTraceLimit = 1
    Error.prepareStackTrace = (_, [site]) => site?.getFileName()
    Error.captureStackTrace(holder, called)
    return holder.stack ?? ''
  } finally {
    Object.assign(Error, { prepareStackTrace, stackTraceLimit })
  }
}

let lineage
/** Whether a number is this process, one of its ancestors, or their group. */
function isAncestor(pid) {
  if (lineage === undefined) {
    lineage = new Set()
    for (let each = process.pid; each > 1;) {
      const stat = statOf(each)
      lineage.add(each).add(stat?.group)
      each = stat?.ppid ?? 0
    }
  }
  return lineage.has(pid)
}

if (folder !== undefined && process.platform === 'linux') {
  const isGuardian = process.argv[1]?.endsWith('/guardian-ending.js') === true
  // The guardian gets an environment of only a few variables. These are added to it.
  const { spawn } = ChildProcess.prototype
  ChildProcess.prototype.spawn = function (options) {
    if (options.args?.[1]?.endsWith('/guardian.sh')) {
      options.envPairs.push(
        `NODE_OPTIONS=--require ${__filename}`,
        `PROCTOR_TEST_RECORD=${folder}`,
        `PROCTOR_TEST_RECORD_SINCE=${process.env['PROCTOR_TEST_RECORD_SINCE']}`,
      )
    }
    return Reflect.apply(spawn, this, [options])
  }
  const kill = process.kill.bind(process)
  const recordingKill = (target, signal) => {
    // Tests send signals of their own. Only calls from the built package count.
    const caller = signal === 0 ? '' : callerOf(recordingKill)
    const isOfPackage = /\/(?:dist|src\/system)\/[^/]+\.[cm]?[jt]s$/.test(caller) && !caller.includes('node_modules')
    if (!isOfPackage) return kill(target, signal)
    const facts = factsOf(target)
    const note = () => {
      const judgement = isGuardian ? judgeForGuardian(target, facts) : judge(target, facts)
      try {
        appendFileSync(`${folder}/${process.pid}.log`, `${judgement}\t${target} ${signal} from ${process.pid}\n`)
      } catch {
        // A guardian is still at work after the tests have ended, and their folder has gone.
      }
    }
    // To judge takes time, in which a program that keeps forking has gone. What cannot end this process is judged after
    // the signal.
    const mayEndThis = isGuardian || !(Math.abs(target) > 1) || isAncestor(Math.abs(target))
    if (mayEndThis) note()
    try {
      return kill(target, signal)
    } finally {
      if (!mayEndThis) note()
    }
  }
  process.kill = recordingKill
}

// What the lines of a trace say, put in order: commands, processes as a tree, the log, what the test waited for.

/** Rows of the log that a browser can still lay out, one below the other: the first and the last. */
const mostFirst = 100_000
const mostLast = 500_000

/** The lines of a trace. One that a death cut off is left out; those of the guardian, which has no JSON, begin with #. */
export function parse(text) {
  const records = []
  const guardian = []
  for (let from = 0; from < text.length;) {
    let to = text.indexOf('\n', from)
    if (to < 0) to = text.length
    const line = text.slice(from, to)
    from = to + 1
    if (line.startsWith('#')) guardian.push(line.slice(1))
    if (!line.startsWith('{')) continue
    let record
    try {
      record = JSON.parse(line)
    } catch {
      // The line that was being written when the worker died.
      continue
    }
    records.push(record)
    // Much output stands behind its record as it came.
    if (record.end === undefined || record.k !== 'output') continue
    const end = text.indexOf(`\n${record.end}\n`, from)
    // Cut off by the death of the worker: then the guardian's lines are next.
    const rest = end < 0 ? text.lastIndexOf('\n#died ') : end + record.end.length + 1
    record.text = text.slice(from, end >= 0 ? end : rest >= from ? rest : text.length)
    from = rest >= from ? rest + 1 : text.length
  }
  return { records, guardian }
}

class Commands {
  byNumber = new Map()
  list = []

  get(number) {
    let command = this.byNumber.get(number)
    if (command === undefined) {
      command = { number, command: `command ${number}`, cwd: '', start: 0, marks: [], ticks: [], screens: [], cut: [] }
      this.byNumber.set(number, command)
      this.list.push(command)
    }
    return command
  }
}

/** Puts pieces of output together to lines. Each line has the time of its first piece. */
class Log {
  rows = []
  #open = new Map()

  output({ t, c, s, text }) {
    const key = `${c} ${s}`
    let row = this.#open.get(key)
    let from = 0
    for (;;) {
      const at = text.indexOf('\n', from)
      const piece = at < 0 ? text.slice(from) : text.slice(from, at)
      if (row === undefined && (piece !== '' || at >= 0)) {
        row = { t, c, kind: s, text: '' }
        this.rows.push(row)
      }
      if (row !== undefined) row.text += piece
      if (at < 0) break
      row = undefined
      from = at + 1
    }
    if (row === undefined) this.#open.delete(key)
    else this.#open.set(key, row)
  }

  event(t, c, text, tone = '') {
    this.rows.push({ t, c, kind: 'event', tone, text })
  }
}

const describeExit = ({ code, signal }) => (signal === null ? `exited ${code}` : `ended by ${signal}`)

/** Whether an exit is one that somebody should look at. */
export const isBad = (exit) => exit !== undefined && (exit.signal !== null || exit.code !== 0)

/** One process: its life as the sampling saw it. */
const newProcess = (record) => ({
  id: record.p,
  pid: record.pid,
  c: record.c,
  parent: record.parent ?? 0,
  ppid: record.ppid,
  start: record.start ?? record.t,
  end: undefined,
  commands: [{ t: record.start ?? record.t, command: record.command }],
  group: record.group,
  session: record.session,
  moves: [],
  leftAt: undefined,
  orphanedAt: undefined,
  isLeader: record.leader === true,
  finding: undefined,
  children: [],
  depth: 0,
})

function readers(model, log, commands, processes) {
  const ownGroup = new Map()
  const noteMove = (process, t) => {
    const own = ownGroup.get(process.c)
    if (own !== undefined && process.group !== own && process.leftAt === undefined) process.leftAt = t
  }
  const waits = new Map()
  return {
    trace: (record) => Object.assign(model.meta, record),
    command(record) {
      Object.assign(commands.get(record.c), record, { start: record.t })
      log.event(record.t, record.c, `▶ ${record.command}`)
    },
    process(record) {
      const process = newProcess(record)
      processes.set(record.p, process)
      if (process.isLeader) ownGroup.set(record.c, record.pid)
      noteMove(process, process.start)
    },
    exec(record) {
      processes.get(record.p)?.commands.push({ t: record.t, command: record.command })
    },
    move(record) {
      const process = processes.get(record.p)
      if (process === undefined) return
      Object.assign(process, { group: record.group, session: record.session })
      process.moves.push(record)
      noteMove(process, record.t)
    },
    parent(record) {
      const process = processes.get(record.p)
      if (process !== undefined) process.orphanedAt ??= record.t
    },
    gone(record) {
      const process = processes.get(record.p)
      if (process !== undefined) process.end = record.t
    },
    output(record) {
      const command = commands.get(record.c)
      command.ticks.push(record.t, record.s === 'stderr' ? 1 : 0)
      log.output(record)
    },
    cut(record) {
      log.event(record.t, record.c, `… ${record.bytes} bytes of ${record.s} are not in this trace …`)
    },
    input: (record) => log.rows.push({ t: record.t, c: record.c, kind: 'input', text: record.text }),
    signal(record) {
      const by = record.by === undefined || record.by === 'test' ? '' : ` (${record.by})`
      commands.get(record.c).marks.push(record)
      const to = typeof record.to === 'number' ? record.to : `the ${record.to ?? 'group'}`
      log.event(record.t, record.c, `${record.signal} sent to ${to}${by}`, 'signal')
    },
    failure: (record) => log.event(record.t, record.c, record.text, 'bad'),
    exit(record) {
      const command = commands.get(record.c)
      command.exit = record
      // By a signal that it was sent.
      const isMeant = command.marks.some(({ signal }) => signal === record.signal)
      log.event(record.t, record.c, describeExit(record), isBad(record) && !isMeant ? 'bad' : 'good')
    },
    wait(record) {
      const wait = { ...record, start: record.t, end: undefined, error: undefined }
      waits.set(record.w, wait)
      model.waits.push(wait)
    },
    waited(record) {
      const wait = waits.get(record.w)
      if (wait === undefined) return
      Object.assign(wait, { end: record.t, error: record.error })
      if (record.error !== undefined) log.event(record.t, wait.c, `${wait.what}: ${record.error}`, 'bad')
    },
    screen: (record) => commands.get(record.c).screens.push(record),
    end: (record) => Object.assign(model, { end: record }),
  }
}

/** What was seen between fork and exec is not a program that it was. */
function startsAsItsParent(process, parent) {
  const [first, second] = process.commands
  const isCopy = parent?.commands.some(({ command }) => command === first.command)
  if (second !== undefined && isCopy && second.t - process.start < 100) {
    process.commands = [{ t: process.start, command: second.command }, ...process.commands.slice(2)]
  }
}

/** Parents before children, children by their start; who has no parent here stands under its command's leader. */
function inOrder(processes, commands) {
  const roots = []
  for (const process of processes.values()) {
    const parent = processes.get(process.parent)
    startsAsItsParent(process, parent)
    if (parent !== undefined && parent !== process) parent.children.push(process)
    else roots.push(process)
  }
  const leaders = new Map(roots.filter(({ isLeader }) => isLeader).map((process) => [process.c, process]))
  for (const process of roots) if (!process.isLeader) leaders.get(process.c)?.children.push(process)
  const rows = []
  const add = (process, depth) => {
    process.depth = depth
    rows.push(process)
    for (const child of process.children.toSorted((a, b) => a.start - b.start || a.id - b.id)) add(child, depth + 1)
  }
  for (const command of commands.list) {
    const leader = leaders.get(command.number)
    command.leader = leader
    if (leader !== undefined) add(leader, 0)
  }
  for (const process of roots) if (!process.isLeader && !leaders.has(process.c)) add(process, 0)
  return rows
}

/** What the guardian wrote when the worker had died: when, whom it killed, and what was in the workspace. */
function readGuardian(lines, model, processes) {
  const files = []
  const spared = new Set()
  for (const line of lines) {
    const [word, ...rest] = line.split(' ')
    if (word === 'died') {
      const t = (Number(rest[0]) - model.meta.uptime) * 1000
      model.died = Number.isFinite(t) && t > 0 ? t : undefined
      model.isInterrupted = true
    } else if (word === 'killed') {
      const number = Number(rest[0])
      for (const process of processes.values()) {
        const isMeant = process.pid === number || process.group === -number
        if (!isMeant || process.end !== undefined) continue
        process.finding = { outcome: 'SIGKILL', place: 'killed by the guardian' }
        process.end = model.died
      }
    } else if (word === 'spared') {
      spared.add(Number(rest[0]))
    } else if (word === 'file') {
      const path = rest.slice(1).join(' ')
      const folder = `${model.meta.workspace}/`
      if (path.startsWith(folder)) files.push({ path: path.slice(folder.length), size: Number(rest[0]) })
    }
  }
  if (files.length > 0) model.files = files
  if (!model.isInterrupted) return
  // It looked until nothing was left: what it did not kill had gone before.
  for (const process of processes.values()) if (!spared.has(process.pid)) process.end ??= model.died
}

/** In lanes: two waits at a time do not cover each other. */
function intoLanes(waits, most) {
  const lanes = []
  for (const wait of waits.toSorted((a, b) => a.start - b.start)) {
    const lane = lanes.findIndex((ends) => ends <= wait.start)
    wait.lane = Math.min(most - 1, lane < 0 ? lanes.length : lane)
    lanes[wait.lane] = wait.end ?? Infinity
  }
  return Math.min(most, lanes.length)
}

/** Everything that the page shows, from the text of a trace. */
export function readTrace(text) {
  const { records, guardian } = parse(text)
  const model = { meta: {}, waits: [], end: undefined, files: [], isInterrupted: false, died: undefined }
  const commands = new Commands()
  const processes = new Map()
  const log = new Log()
  const read = readers(model, log, commands, processes)
  let last = 0
  for (const record of records) {
    read[record.k]?.(record)
    if (record.t > last) last = record.t
  }
  model.files = model.end?.files ?? []
  readGuardian(guardian, model, processes)
  for (const finding of model.end?.findings ?? []) {
    const process = processes.get(finding.p)
    if (process !== undefined) process.finding = finding
  }
  if (model.isInterrupted) log.event(model.died ?? last, 0, 'the test worker died; the guardian ended the tree', 'bad')
  // A line stands where its first piece was read: a later one may have been finished before it.
  const rows = log.rows.some((row, index) => index > 0 && row.t < log.rows[index - 1].t)
    ? log.rows.toSorted((a, b) => a.t - b.t)
    : log.rows
  model.rows = rows
  const dropped = rows.length - mostFirst - mostLast
  if (dropped > 0) {
    const { t } = rows[mostFirst]
    const marker = { t, c: 0, kind: 'event', tone: '', text: `… ${dropped} lines are in this file, and not shown …` }
    model.rows = [...rows.slice(0, mostFirst), marker, ...rows.slice(-mostLast)]
  }
  model.outputLines = rows.reduce((sum, { kind }) => sum + (kind === 'stdout' || kind === 'stderr' ? 1 : 0), 0)
  model.commands = commands.list
  model.processes = inOrder(processes, commands)
  model.lanes = intoLanes(model.waits, 4)
  model.span = Math.max(1, model.died ?? 0, model.end?.t ?? 0, last)
  model.state = model.end?.state ?? (model.isInterrupted ? 'interrupted' : 'open')
  return model
}

import type { ExitRecord, ProcessRecord, TraceRecord } from '../../format.js'
import { readDeath } from './death.js'
import { Lines, withoutMiddle } from './lines.js'
import { keyNames } from './keys.js'
import { type Action, type Command, isBad, lastCommand, type Process, type TraceModel } from './model.js'
import { parse } from './parse.js'
import { inOrder, intoLanes } from './tree.js'

// Makes the model from the lines of a trace.

class Commands {
  readonly #byNumber = new Map<number, Command>()
  readonly list: Command[] = []

  get(number: number): Command {
    const known = this.#byNumber.get(number)
    if (known !== undefined) return known
    const made: Command = {
      number,
      command: `command ${number}`,
      cwd: '',
      start: 0,
      env: undefined,
      terminal: undefined,
      site: undefined,
      marks: [],
      ticks: [],
      screens: [],
      inputs: [],
      exit: undefined,
      leader: undefined,
    }
    this.#byNumber.set(number, made)
    this.list.push(made)
    return made
  }
}

const describeExit = ({ code, signal }: ExitRecord): string =>
  signal === null ? `exited ${code}` : `ended by ${signal}`

const newProcess = (record: ProcessRecord): Process => ({
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
  leftAt: undefined,
  orphanedAt: undefined,
  isLeader: record.leader === true,
  finding: undefined,
  ports: [],
  children: [],
  depth: 0,
})

/** One reader for each kind of line. */
type Readers = { [Kind in TraceRecord['k']]: (record: Extract<TraceRecord, { k: Kind }>) => void }

function readers(model: TraceModel, log: Lines, commands: Commands, processes: Map<number, Process>): Readers {
  const ownGroup = new Map<number, number>()
  const actions = new Map<number, Action>()
  const noteMove = (process: Process, t: number): void => {
    const own = ownGroup.get(process.c)
    if (own !== undefined && process.group !== own && process.leftAt === undefined) process.leftAt = t
  }
  const begin = (action: Omit<Action, 'end' | 'error' | 'lane'>): Action => {
    const begun: Action = { ...action, end: undefined, error: undefined, lane: undefined }
    model.actions.push(begun)
    return begun
  }
  return {
    trace(record) {
      model.meta = record
    },
    command({ t, c, command, cwd, env, terminal, site }) {
      Object.assign(commands.get(c), { command, cwd, env, terminal, site, start: t })
      log.event(t, c, `▶ ${command}`)
      begin({ kind: 'run', what: `run ${command}`, c, start: t, site }).end = t
    },
    process(record) {
      const process = newProcess(record)
      processes.set(record.p, process)
      if (process.isLeader) ownGroup.set(record.c, record.pid)
      noteMove(process, process.start)
    },
    exec({ p, t, command }) {
      const process = processes.get(p)
      if (process !== undefined) process.commands = [...process.commands, { t, command }]
    },
    move({ p, t, group, session }) {
      const process = processes.get(p)
      if (process === undefined) return
      Object.assign(process, { group, session })
      noteMove(process, t)
    },
    parent({ p, t }) {
      const process = processes.get(p)
      if (process !== undefined) process.orphanedAt ??= t
    },
    gone({ p, t }) {
      const process = processes.get(p)
      if (process !== undefined) process.end = t
    },
    port({ p, t, port, address, isOpen }) {
      const process = processes.get(p)
      if (process === undefined) return
      const open = process.ports.find((each) => each.port === port && each.closedAt === undefined)
      if (!isOpen && open !== undefined) open.closedAt = t
      if (!isOpen || open !== undefined) return
      process.ports.push({ port, address, t, closedAt: undefined })
      log.event(t, process.c, `port ${port} opened by ${process.pid} ${lastCommand(process)}`, 'port')
    },
    output(record) {
      commands.get(record.c).ticks.push(record.t, record.s === 'stderr' ? 1 : 0)
      log.output(record)
    },
    cut({ t, c, s, bytes }) {
      log.event(t, c, `… ${bytes} bytes of ${s} are not in this trace …`)
    },
    input(record) {
      const { t, c, text } = record
      const command = commands.get(c)
      command.inputs.push(record)
      log.rows.push({ t, c, kind: 'input', tone: '', text: command.terminal ? keyNames(text).join(' ') : text })
    },
    signal(record) {
      const by = record.by === 'test' ? '' : ` (${record.by})`
      commands.get(record.c).marks.push(record)
      const to = typeof record.to === 'number' ? record.to : `the ${record.to}`
      log.event(record.t, record.c, `${record.signal} sent to ${to}${by}`, 'signal')
    },
    failure({ t, c, text }) {
      log.event(t, c, text, 'bad')
    },
    exit(record) {
      const command = commands.get(record.c)
      command.exit = record
      // It was ended by a signal that it had been sent.
      const isMeant = command.marks.some(({ signal }) => signal === record.signal)
      log.event(record.t, record.c, describeExit(record), isBad(record) && !isMeant ? 'bad' : 'good')
    },
    screen(record) {
      commands.get(record.c).screens.push(record)
    },
    action({ a, t, c = 0, kind, what, site }) {
      actions.set(a, begin({ kind, what, c, start: t, site }))
    },
    done({ a, t, error }) {
      const action = actions.get(a)
      if (action === undefined) return
      Object.assign(action, { end: t, error })
      if (error !== undefined) log.event(t, action.c, `${action.what}: ${error}`, 'bad')
    },
    source(record) {
      model.sources.push(record)
    },
    end(record) {
      model.end = record
    },
    summary() {
      // It repeats what `end` says, for the index.
    },
  }
}

/**
 * A process that outlived its command and whose parent has ended became an orphan at that moment, when the kernel gave
 * it another parent. On a busy machine it may be killed before anybody has seen it with the new parent, or be seen only
 * when process 1 or the worker has already adopted it.
 */
function noteOrphans(processes: ReadonlyMap<number, Process>, worker: number | undefined): void {
  for (const process of processes.values()) {
    if (process.finding === undefined || process.orphanedAt !== undefined || process.isLeader) continue
    const isAdopted = process.parent === 0 && (process.ppid === 1 || process.ppid === worker)
    const diedAt = isAdopted ? process.start : processes.get(process.parent)?.end
    if (diedAt === undefined || diedAt < process.start) continue
    if (process.end === undefined || diedAt < process.end) process.orphanedAt = diedAt
  }
}

const emptyModel = (): TraceModel => ({
  meta: {},
  state: 'open',
  end: undefined,
  died: undefined,
  isInterrupted: false,
  actions: [],
  lanes: 0,
  commands: [],
  processes: [],
  rows: [],
  outputLines: 0,
  files: [],
  sources: [],
  span: 1,
})

/** Makes everything that the page shows from the text of a trace. */
export function readTrace(text: string): TraceModel {
  const { records, guardian } = parse(text)
  const model = emptyModel()
  const commands = new Commands()
  const processes = new Map<number, Process>()
  const log = new Lines()
  const read = readers(model, log, commands, processes) as Readonly<Record<string, (record: TraceRecord) => void>>
  let last = 0
  for (const record of records) {
    // Lines of a newer version are ignored.
    if (Object.hasOwn(read, record.k)) read[record.k]!(record)
    if ('t' in record && record.t > last) last = record.t
  }
  model.files = model.end?.files ?? []
  readDeath(guardian, model, processes.values())
  for (const finding of model.end?.findings ?? []) {
    const process = processes.get(finding.p ?? 0)
    if (process !== undefined) process.finding = finding
  }
  noteOrphans(processes, model.meta.worker)
  if (model.isInterrupted) log.event(model.died ?? last, 0, 'the test worker died; the guardian ended the tree', 'bad')
  const rows = log.inOrder()
  model.rows = withoutMiddle(rows)
  model.outputLines = rows.reduce((sum, { kind }) => sum + (kind === 'stdout' || kind === 'stderr' ? 1 : 0), 0)
  model.commands = commands.list
  model.processes = inOrder(processes, commands.list)
  model.actions.sort((a, b) => a.start - b.start)
  model.lanes = intoLanes(model.actions, 4)
  model.span = Math.max(1, model.died ?? 0, model.end?.t ?? 0, last)
  model.state = model.end?.state ?? (model.isInterrupted ? 'interrupted' : 'open')
  return model
}

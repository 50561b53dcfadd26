import { took } from './actions.js'
import { plain } from '../output/ansi.js'
import { copyButton } from './copy.js'
import { $, element } from '../dom.js'
import {
  type Action,
  type Command,
  commandOf,
  fate,
  lastCommand,
  type Process,
  type TraceModel,
} from '../model/model.js'
import { sourceView } from './source-view.js'
import { duration, quoted, size } from '../words.js'

// Everything about one call of the test, or about one process and its command.

type Fact = HTMLElement | undefined

const fact = (name: string, value: string | HTMLElement | undefined): Fact =>
  value === undefined || value === ''
    ? undefined
    : element('div', { class: 'fact' }, element('dt', { text: name }), element('dd', {}, value))

const code = (text: string): HTMLElement => element('code', { text })

/** The shell command that runs it again by hand. */
function byHand({ cwd, command }: Command, { meta }: TraceModel): string {
  const workspace = meta.workspace ?? ''
  const folder = cwd === '.' || cwd === '' ? workspace : cwd.startsWith('/') ? cwd : `${workspace}/${cwd}`
  return `cd ${quoted(folder)} && ${command}`
}

const folderOf = ({ cwd }: Command): string =>
  cwd === '.' ? '<workspace>' : cwd.startsWith('/') ? cwd : `<workspace>/${cwd}`

export function showCall(model: TraceModel, action: Action): void {
  const { what, start, error, site } = action
  $('call').replaceChildren(
    element('h3', { text: 'Call' }),
    element('pre', { class: 'command', text: plain(what) }),
    element(
      'dl',
      {},
      fact('began', `at ${duration(start)}`),
      fact('took', took(action, model)),
      fact('error', error === undefined ? undefined : element('span', { class: 'bad', text: error })),
    ),
    sourceView(model, site) ?? '',
  )
}

/** What a command and everything that it started have used, if measured. */
function usedBy(command: Command | undefined): Fact {
  const usage = command?.exit?.usage
  return usage && fact('used', `${size(usage.peakMemory)} at its peak, ${duration(usage.cpuMs)} of processor time`)
}

export interface DetailsHost {
  /** Shows only the output of this process's command, while the process lived. */
  onOnly(process: Process): void
  onProcess(process: Process): void
}

export function showProcess(model: TraceModel, process: Process, host: DetailsHost): void {
  const command = commandOf(model, process.c)
  const parent = model.processes.find(({ id }) => id === process.parent)
  const { text, isBad } = fate(process, model)
  const by = parent === undefined ? (process.isLeader ? 'the test' : String(process.ppid)) : String(parent.pid)
  const link = (other: Process): HTMLElement =>
    element('button', { class: 'link', text: by, on: { click: () => host.onProcess(other) } })
  const started = element('span', {}, `at ${duration(process.start)} by `, parent === undefined ? by : link(parent))
  const ended =
    process.end === undefined
      ? 'not seen'
      : `at ${duration(process.end)}, after ${duration(process.end - process.start)}`
  const left = process.leftAt === undefined ? '' : `, left at ${duration(process.leftAt)}`
  const only = element('button', {
    class: 'copy',
    text: 'only its output',
    title: process.isLeader
      ? undefined
      : 'The output of its command while it lived: a pipe does not say which process wrote',
    on: { click: () => host.onOnly(process) },
  })
  $('details').replaceChildren(
    element('h3', { text: String(process.pid) }),
    element('pre', { class: 'command', text: plain(lastCommand(process)) }),
    element(
      'p',
      { class: 'buttons' },
      only,
      command === undefined ? undefined : copyButton('copy command', () => byHand(command, model)),
    ),
    element(
      'dl',
      {},
      fact('started', started),
      fact('ended', ended),
      fact('how', text === '' ? undefined : element('span', { class: isBad ? 'bad' : '', text })),
      fact('found', process.finding?.place),
      fact('group', `${process.group}${left}`),
      fact('session', String(process.session)),
      fact('orphan', process.orphanedAt === undefined ? undefined : `since ${duration(process.orphanedAt)}`),
      ...process.ports.map(({ port, address, t, closedAt }) =>
        fact(
          `port ${port}`,
          `${address}, from ${duration(t)}${closedAt === undefined ? '' : ` to ${duration(closedAt)}`}`,
        ),
      ),
      ...process.commands.slice(1).map((exec) => fact(`exec ${duration(exec.t)}`, code(plain(exec.command)))),
      command !== undefined && process.isLeader ? fact('cwd', code(folderOf(command))) : undefined,
      command?.terminal && process.isLeader
        ? fact('terminal', `${command.terminal.columns} × ${command.terminal.rows}`)
        : undefined,
      process.isLeader ? usedBy(command) : undefined,
    ),
    sourceView(model, command?.site, 4) ?? '',
  )
}

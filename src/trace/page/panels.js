import { plain } from './ansi.js'
import { $, count, duration, element, size } from './dom.js'
import { fate } from './paint.js'

const fact = (name, ...value) =>
  element('div', { class: 'fact' }, element('dt', { text: name }), element('dd', {}, ...value))
const code = (text) => element('code', { text })

const words = {
  failed: 'failed',
  passed: 'passed',
  interrupted: 'the worker died',
  open: 'no end was written',
}

/** The head of the page: what failed, and why. */
export function showHead(model) {
  const { meta } = model
  const names = meta.name ?? []
  document.title = `${words[model.state]}: ${names.join(' > ')} – proctor trace`
  $('state').textContent = words[model.state]
  $('state').className = `state ${model.state}`
  $('title').textContent = names.at(-1) ?? ''
  $('suite').textContent = [meta.file, ...names.slice(0, -1)].filter(Boolean).join(' › ')
  const leaked = model.processes.filter(
    ({ finding }) => finding !== undefined && !finding.outcome.startsWith('allowed'),
  )
  const chips = [
    duration(model.end?.t ?? model.died ?? model.span),
    count(model.commands.length, 'command'),
    count(model.processes.length, 'process'),
    leaked.length > 0 && !model.isInterrupted ? `${leaked.length} leaked` : undefined,
    meta.retry > 0 ? `retry ${meta.retry}` : undefined,
    meta.containment,
  ].filter(Boolean)
  $('chips').replaceChildren(
    ...chips.map((text) => element('li', { text, class: text.endsWith('leaked') ? 'bad' : '' })),
  )
  const errors = model.end?.errors ?? []
  if (model.isInterrupted) {
    errors.push({
      name: '',
      message: `The test worker ${meta.worker ?? ''} died before this test ended. The guardian ended what it had started.`,
    })
  } else if (model.state === 'open') {
    errors.push({ name: '', message: 'This trace has no end: the test still runs, or worker and guardian died.' })
  }
  $('errors').replaceChildren(...errors.map(showError))
}

function showError({ name, message, stack }) {
  // What a command wrote last stands in the log below, with what came before it.
  const [first = '', ...rest] = message.replace(/\n\n {2}last output\n(?: {2}│.*\n?)+/g, '').split('\n')
  const more = [rest.join('\n').replace(/^\n+/, '').trimEnd(), stack].filter(Boolean).join('\n\n')
  const title = element('span', {
    class: 'error-title',
    text: plain(name && !first.startsWith(name) ? `${name}: ${first}` : first),
  })
  if (more === '') return element('div', { class: 'error' }, title)
  return element(
    'details',
    { class: 'error', open: more.split('\n').length < 12 },
    element('summary', {}, title),
    element('pre', { text: more.split('\n').map(plain).join('\n') }),
  )
}

/** Everything about one process and its command. */
export function showDetails(model, process) {
  if (process === undefined) return
  const command = model.commands.find(({ number }) => number === process.c)
  const parent = model.processes.find(({ id }) => id === process.parent)
  const { text, isBad } = fate(process, model)
  const { finding } = process
  $('details').replaceChildren(
    element('h3', { text: `${process.pid}` }),
    element('pre', { class: 'command', text: plain(process.commands.at(-1).command) }),
    element(
      'dl',
      {},
      fact(
        'started',
        document.createTextNode(
          `at ${duration(process.start)} by ${parent === undefined ? (process.isLeader ? 'the test' : `${process.ppid}`) : `${parent.pid}`}`,
        ),
      ),
      fact(
        'ended',
        document.createTextNode(
          process.end === undefined
            ? 'not seen'
            : `at ${duration(process.end)}, after ${duration(process.end - process.start)}`,
        ),
      ),
      text === '' ? undefined : fact('how', element('span', { class: isBad ? 'bad' : '', text })),
      finding === undefined ? undefined : fact('found', document.createTextNode(finding.place)),
      fact(
        'group',
        document.createTextNode(
          `${process.group}${process.leftAt === undefined ? '' : `, left at ${duration(process.leftAt)}`}`,
        ),
      ),
      fact('session', document.createTextNode(String(process.session))),
      process.orphanedAt === undefined
        ? undefined
        : fact('orphan', document.createTextNode(`since ${duration(process.orphanedAt)}`)),
      ...process.commands.slice(1).map((exec) => fact(`exec ${duration(exec.t)}`, code(plain(exec.command)))),
      process.isLeader
        ? fact('cwd', code(command.cwd === '.' ? '<workspace>' : `<workspace>/${command.cwd}`))
        : undefined,
      process.isLeader && command.terminal
        ? fact('terminal', document.createTextNode(`${command.terminal.columns} × ${command.terminal.rows}`))
        : undefined,
    ),
  )
}

/** The environment: what of the worker's own the command got differently. Names, no values. */
function environmentOf({ number, command, env }) {
  const list = (title, names, classes) =>
    names?.length > 0
      ? element(
          'p',
          {},
          element('span', { class: 'dim', text: `${title} ` }),
          ...names.flatMap((name) => [element('code', { class: classes, text: name }), ' ']),
        )
      : undefined
  const isSame = !env || [env.added, env.changed, env.removed].every((names) => !names?.length)
  return element(
    'section',
    {},
    element('h3', { text: `${number}  ${plain(command)}` }),
    isSame ? element('p', { class: 'dim', text: 'the test worker’s own' }) : undefined,
    list('added', env?.added, 'good'),
    list('changed', env?.changed, ''),
    list('removed', env?.removed, 'bad'),
  )
}

function fileOf({ path, size: bytes, text, kind }) {
  const title = [
    element('code', { text: plain(path) }),
    element('span', { class: 'dim', text: kind === undefined || kind === 'file' ? size(bytes ?? 0) : kind }),
  ]
  return text === undefined
    ? element('div', { class: 'file' }, ...title)
    : element(
        'details',
        { class: 'file' },
        element('summary', {}, ...title),
        element('pre', { text: text.split('\n').map(plain).join('\n') }),
      )
}

/** A terminal's screens, one for each time it had changed: a slider goes through them. */
function screensOf({ number, command, screens }) {
  const picture = element('img', { alt: 'the screen of the terminal' })
  const when = element('output', {})
  const slider = element('input', {
    type: 'range',
    min: '0',
    max: String(screens.length - 1),
    value: String(screens.length - 1),
    'aria-label': `screens of command ${number}`,
  })
  const show = () => {
    const screen = screens[Number(slider.value)]
    picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(screen.svg)}`
    when.textContent = `${duration(screen.t)}  ·  ${Number(slider.value) + 1} of ${screens.length}`
  }
  slider.addEventListener('input', show)
  show()
  return element(
    'section',
    {},
    element('h3', { text: `${number}  ${plain(command)}` }),
    element('p', { class: 'row' }, slider, when),
    picture,
  )
}

/** Fills the tabs; one that has nothing to show is not there. */
export function showPanels(model) {
  const withScreens = model.commands.filter(({ screens }) => screens.length > 0)
  $('panel-environment').replaceChildren(
    element('p', {
      class: 'dim note',
      text: 'What each command’s environment holds, against the test worker’s. Values are never recorded.',
    }),
    ...model.commands.map(environmentOf),
  )
  $('panel-files').replaceChildren(
    element('p', {
      class: 'dim note',
      text:
        model.files.length === 0
          ? 'No files were in the workspace at the end.'
          : `${count(model.files.length, 'file')} in the workspace at the end`,
    }),
    ...model.files.map(fileOf),
  )
  $('panel-screens').replaceChildren(...withScreens.map(screensOf))
  $('tab-screens').hidden = withScreens.length === 0
  $('tab-files').textContent = `Files ${model.files.length || ''}`.trim()
  const { meta } = model
  const facts = [
    meta.node && `Node ${meta.node.replace(/^v/, '')}`,
    meta.platform,
    meta.at && new Date(meta.at).toISOString().replace('T', ' ').slice(0, 19),
    meta.proctor && `proctor ${meta.proctor}`,
  ]
  $('facts').textContent = facts.filter(Boolean).join('  ·  ')
}

import type { TraceError } from '../../format.js'
import { plain } from '../output/ansi.js'
import { copyButton } from './copy.js'
import { $, element } from '../dom.js'
import { isLeak, type TraceModel } from '../model/model.js'
import { placeOf, sourceView } from './source-view.js'
import { count, duration } from '../words.js'

// The head of the page: what failed, and why. And the foot of the page.

const words: Readonly<Record<TraceModel['state'], string>> = {
  failed: 'failed',
  passed: 'passed',
  interrupted: 'the worker died',
  open: 'no end was written',
}

export function showHead(model: TraceModel): void {
  const { meta, state } = model
  const names = meta.name ?? []
  const errors = errorsOf(model)
  document.title = `${words[state]}: ${names.join(' > ')} – proctor trace`
  $('state').textContent = words[state]
  $('state').className = `state ${state}`
  $('title').textContent = names.at(-1) ?? ''
  const site = [...errors, ...model.actions].find((each) => each.site?.file === meta.file)?.site
  const file = site === undefined ? meta.file : placeOf(site)
  $('suite').textContent = [file, ...names.slice(0, -1)].filter(Boolean).join(' › ')
  const leaks = model.processes.filter(isLeak).length
  const chips = [
    duration(model.end?.t ?? model.died ?? model.span),
    count(model.commands.length, 'command'),
    count(model.processes.length, 'process'),
    leaks > 0 && !model.isInterrupted ? `${leaks} leaked` : '',
    meta.project ?? '',
    (meta.retry ?? 0) > 0 ? `retry ${meta.retry}` : '',
    meta.containment ?? model.end?.containment ?? '',
  ].filter((text) => text !== '')
  $('chips').replaceChildren(
    ...chips.map((text) => element('li', { text, class: text.endsWith('leaked') ? 'bad' : '' })),
  )
  $('errors').replaceChildren(...errors.map((error) => showError(error, model)))
}

function errorsOf({ end, state, meta }: TraceModel): TraceError[] {
  const errors = [...(end?.errors ?? [])]
  const add = (message: string): number => errors.push({ name: '', message })
  if (state === 'interrupted') {
    add(`The test worker ${meta.worker ?? ''} died before this test ended. The guardian ended what it had started.`)
  } else if (state === 'open') {
    add('This trace has no end: the test still runs, or worker and guardian died.')
  }
  return errors
}

function showError({ name, message, site }: TraceError, model: TraceModel): HTMLElement {
  // The last output of a command is in the log below, with the output before it.
  const [first = '', ...rest] = message.replace(/\n\n {2}last output\n(?: {2}│.*\n?)+/g, '').split('\n')
  const more = rest.join('\n').replace(/^\n+/, '').trimEnd()
  const headline = plain(name && !first.startsWith(name) ? `${name}: ${first}` : first)
  const title = [
    // The output itself is folded below.
    element('span', { class: 'error-title', text: headline.replace(/\.? Output:$/, '') }),
    site && element('span', { class: 'dim', text: placeOf(site) }),
    copyButton('copy', () => [`${headline}`, more, site && `at ${placeOf(site)}`].filter(Boolean).join('\n')),
  ]
  const source = sourceView(model, site, 1)
  // The whole output would take all the room here. It is in the log below.
  const isOutput = first.endsWith('Output:')
  const details =
    more === ''
      ? undefined
      : element(
          'details',
          { is: { open: !isOutput && more.split('\n').length < 14 } },
          element('summary', { class: 'dim', text: isOutput ? 'output' : 'all of it' }),
          element('pre', { class: 'scrolls', text: more.split('\n').map(plain).join('\n'), is: { tabindex: '0' } }),
        )
  return element(
    'div',
    { class: 'error' },
    element('p', {}, ...title),
    element('div', { class: 'why' }, source, details),
  )
}

export function showFoot({ meta }: TraceModel): void {
  const facts = [
    meta.node === undefined ? '' : `Node ${meta.node.replace(/^v/, '')}`,
    meta.platform ?? '',
    meta.at === undefined ? '' : new Date(meta.at).toISOString().replace('T', ' ').slice(0, 19),
  ]
  $('facts').textContent = facts.filter((text) => text !== '').join('  ·  ')
}

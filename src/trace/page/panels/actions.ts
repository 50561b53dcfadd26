import { $, element, isForPage, scrollTo } from '../dom.js'
import type { Action, TraceModel } from '../model/model.js'
import { duration, shortCommand } from '../words.js'

// The list of everything that the test did.

const glyphs: Readonly<Record<Action['kind'], string>> = {
  run: '▶',
  wait: '…',
  input: '⌨',
  end: '■',
  signal: '◆',
  file: '▤',
  expect: '✓',
}

/** How long an action took, or that it never ended. */
export function took(action: Action, model: TraceModel): string {
  if (action.end === undefined) return `${duration(model.span - action.start)} …`
  return action.lane === undefined && action.end - action.start < 1 ? '' : duration(action.end - action.start)
}

/** The shortest description of an action. */
export const titleOf = ({ kind, what }: Action, { meta }: TraceModel): string =>
  kind === 'run' ? `run ${shortCommand(what.replace(/^run /, ''), meta.workspace)}` : what

export interface Actions {
  /** Marks an action that was selected elsewhere. */
  show(action: Action): void
  showTime(t: number): void
  focus(): void
}

function option(action: Action, index: number, model: TraceModel): HTMLElement {
  const { kind, error, site, c } = action
  const text = titleOf(action, model)
  const isOfSeveral = model.commands.length > 1 && c > 0 && kind !== 'run'
  return element(
    'li',
    {
      class: `action${error === undefined ? '' : ' bad'}`,
      title: action.what,
      is: { role: 'option', id: `action-${index}`, 'aria-selected': 'false' },
    },
    element('i', { text: error === undefined ? glyphs[kind] : '✕', is: { 'aria-hidden': 'true' } }),
    element('span', { class: 'what', text }),
    isOfSeveral ? element('span', { class: 'of', text: String(c), title: `command ${c}` }) : undefined,
    element('span', { class: 'took', text: took(action, model) }),
    element('span', { class: 'where', text: site === undefined ? '' : `:${site.line}`, title: site?.file }),
  )
}

export function createActions(model: TraceModel, onAction: (action: Action) => void): Actions {
  const list = $('actions')
  const { actions } = model
  const options = actions.map((action, index) => option(action, index, model))
  let current = -1
  list.append(...options)
  $('actions-empty').hidden = actions.length > 0

  const mark = (index: number): void => {
    options[current]?.setAttribute('aria-selected', 'false')
    current = index
    const chosen = options[index]
    if (chosen === undefined) return
    chosen.setAttribute('aria-selected', 'true')
    list.setAttribute('aria-activedescendant', chosen.id)
    scrollTo(list, chosen.offsetTop, chosen.offsetTop + chosen.offsetHeight)
  }
  const choose = (index: number): void => {
    const action = actions[Math.max(0, Math.min(actions.length - 1, index))]
    if (action === undefined) return
    mark(actions.indexOf(action))
    onAction(action)
  }
  list.addEventListener('click', (event) => {
    const chosen = (event.target as HTMLElement).closest<HTMLElement>('.action')
    if (chosen !== null) choose(options.indexOf(chosen as HTMLLIElement))
  })
  list.addEventListener('keydown', (event) => {
    const to = { ArrowDown: current + 1, ArrowUp: current - 1, Home: 0, End: actions.length - 1, Enter: current }[
      event.key
    ]
    if (!isForPage(event) || to === undefined) return
    event.preventDefault()
    choose(to)
  })
  return {
    show: (action) => mark(actions.indexOf(action)),
    /** Marks the last action that had begun by then, if it was still under way. */
    showTime(t) {
      const index = actions.findLastIndex(({ start, end = model.span }) => start <= t && end >= t)
      if (index >= 0) mark(index)
    },
    focus: () => list.focus(),
  }
}

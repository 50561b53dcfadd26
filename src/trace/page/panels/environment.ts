import type { EnvironmentChanges } from '../../format.js'
import { plain } from '../output/ansi.js'
import { $, element } from '../dom.js'
import type { Command, TraceModel } from '../model/model.js'
import { count } from '../words.js'

// The variables in which the commands' environments differ from the test worker's, and from each other's. Names only,
// no values.

const kinds = ['added', 'changed', 'removed'] as const
const tones = { added: 'good', changed: '', removed: 'bad' } as const

const none: EnvironmentChanges = { added: [], changed: [], removed: [] }

/** The changes that all commands have in common. They are shown once. */
export function inCommon(changes: readonly EnvironmentChanges[]): EnvironmentChanges {
  const [first = none, ...others] = changes
  const shared = (kind: (typeof kinds)[number]): string[] =>
    first[kind].filter((name) => others.every((other) => other[kind].includes(name)))
  return { added: shared('added'), changed: shared('changed'), removed: shared('removed') }
}

const isNone = (changes: EnvironmentChanges): boolean => kinds.every((kind) => changes[kind].length === 0)

const less = (changes: EnvironmentChanges, common: EnvironmentChanges): EnvironmentChanges => {
  const rest = (kind: (typeof kinds)[number]): string[] => changes[kind].filter((name) => !common[kind].includes(name))
  return { added: rest('added'), changed: rest('changed'), removed: rest('removed') }
}

const list = (changes: EnvironmentChanges): HTMLElement[] =>
  kinds
    .filter((kind) => changes[kind].length > 0)
    .map((kind) =>
      element(
        'p',
        {},
        element('span', { class: 'dim', text: `${kind} ` }),
        ...changes[kind].flatMap((name) => [element('code', { class: tones[kind], text: name }), ' ']),
      ),
    )

const section = (title: string, changes: EnvironmentChanges): HTMLElement =>
  element('section', {}, element('h3', { text: title }), ...list(changes))

export function showEnvironment({ commands }: TraceModel): void {
  const changesOf = ({ env }: Command): EnvironmentChanges => env ?? none
  const common = inCommon(commands.map(changesOf))
  const others = commands.filter((command) => !isNone(less(changesOf(command), common)))
  const same = commands.length - others.length
  $('panel-environment').replaceChildren(
    element('p', {
      class: 'dim note',
      text: 'In which variables the environment of a command differs from the test worker’s. Values are never recorded.',
    }),
    isNone(common)
      ? ''
      : section(commands.length === 1 ? commands[0]!.command : `All ${commands.length} commands`, common),
    ...others.map((command) =>
      section(`${command.number}  ${plain(command.command)}`, less(changesOf(command), common)),
    ),
    same > 0 && (others.length > 0 || isNone(common))
      ? element('p', {
          class: 'dim note',
          text: `${others.length > 0 ? `${count(same, 'command')} more` : 'Everything'}: no other difference.`,
        })
      : '',
  )
}

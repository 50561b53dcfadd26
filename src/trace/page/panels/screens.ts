import type { ScreenRecord } from '../../format.js'
import { plain } from '../output/ansi.js'
import { $, element, isForPage } from '../dom.js'
import { keyNames } from '../model/keys.js'
import type { Command, TraceModel } from '../model/model.js'
import { duration, middle, shortCommand } from '../words.js'

// The screens of a terminal. The small ones are a film strip above the time line, with the keys pressed between them.
// The selected one is shown large in a tab.

export interface Screens {
  /** Shows the screens at this time. */
  showTime(t: number): void
}

export interface ScreensHost {
  /** Called when somebody selects a screen. */
  onScreen(t: number, command: Command): void
}

const urlOf = ({ svg }: ScreenRecord): string => `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`

/** The index of the last screen at or before a time. */
const at = (screens: readonly ScreenRecord[], t: number): number =>
  Math.max(
    0,
    screens.findLastIndex((screen) => screen.t <= t + 0.01),
  )

/** The keys that were typed between two screens. */
const keysBetween = (command: Command, from: number, to: number): string[] =>
  command.inputs.filter(({ t }) => t >= from && t < to).flatMap(({ text }) => keyNames(text))

/** The film strip of one terminal. */
class Strip {
  readonly element: HTMLElement
  readonly #command: Command
  readonly #frames: HTMLButtonElement[]
  #current = -1

  constructor(command: Command, title: string, onScreen: (t: number) => void) {
    this.#command = command
    const { screens } = command
    this.#frames = screens.map((screen, index) => {
      const label = `Screen ${index + 1} of ${screens.length}, at ${duration(screen.t)}`
      return element(
        'button',
        {
          class: 'frame',
          title: label,
          is: { tabindex: '-1', 'aria-label': label },
          on: { click: () => onScreen(screen.t) },
        },
        element('img', { is: { src: urlOf(screen), alt: '', loading: 'lazy', decoding: 'async' } }),
        element('span', { text: duration(screen.t) }),
      )
    })
    const film = element(
      'div',
      { class: 'film scrolls', is: { role: 'group', 'aria-label': title } },
      ...this.#withKeys(),
    )
    film.addEventListener('keydown', (event) => this.#step(event))
    this.element = element('div', { class: 'strip' }, element('p', { class: 'dim', text: title }), film)
    this.#mark(screens.length - 1)
  }

  #withKeys(): HTMLElement[] {
    const { screens } = this.#command
    return this.#frames.flatMap((frame, index) => {
      const keys = keysBetween(this.#command, screens[index]!.t, screens[index + 1]?.t ?? Infinity)
      if (keys.length === 0) return [frame]
      const names = keys.slice(0, 6).map((key) => element('kbd', { text: middle(key, 16) }))
      const more = keys.length > 6 ? element('span', { class: 'dim', text: `+${keys.length - 6}` }) : undefined
      return [frame, element('div', { class: 'keys' }, ...names, more)]
    })
  }

  #step(event: KeyboardEvent): void {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    const next = by === undefined ? undefined : this.#frames[this.#current + by]
    if (!isForPage(event) || next === undefined) return
    event.preventDefault()
    next.click()
    next.focus()
  }

  #mark(index: number): void {
    if (index === this.#current) return
    const before = this.#frames[this.#current]
    before?.classList.remove('is-current')
    if (before !== undefined) before.tabIndex = -1
    this.#current = index
    const frame = this.#frames[index]
    if (frame === undefined) return
    frame.classList.add('is-current')
    frame.tabIndex = 0
    this.reveal()
  }

  /** Scrolls to the selected still, once the strip is on the page. */
  reveal(): void {
    const frame = this.#frames[this.#current]
    const film = frame?.parentElement
    if (frame === undefined || !film) return
    film.scrollLeft = frame.offsetLeft - film.offsetLeft - (film.clientWidth - frame.clientWidth) / 2
  }

  showTime(t: number): void {
    this.#mark(at(this.#command.screens, t))
  }
}

/** The large picture of one terminal, and a slider to move through its pictures. */
class Projector {
  readonly element: HTMLElement
  readonly #screens: readonly ScreenRecord[]
  readonly #picture = element('img', { is: { alt: 'the screen of the terminal' } })
  readonly #when = element('output')
  readonly #slider: HTMLInputElement

  constructor(command: Command, title: string, onScreen: (t: number) => void) {
    this.#screens = command.screens
    const last = String(this.#screens.length - 1)
    this.#slider = element('input', { is: { type: 'range', min: '0', max: last, value: last, 'aria-label': title } })
    this.#slider.addEventListener('input', () => {
      this.#show()
      onScreen(this.#screens[Number(this.#slider.value)]!.t)
    })
    this.element = element(
      'section',
      {},
      element('h3', { text: title }),
      element('p', { class: 'row' }, this.#slider, this.#when),
      this.#picture,
    )
    this.#show()
  }

  #show(): void {
    const screen = this.#screens[Number(this.#slider.value)]!
    this.#picture.src = urlOf(screen)
    this.#when.textContent = `${duration(screen.t)}  ·  ${Number(this.#slider.value) + 1} of ${this.#screens.length}`
  }

  showTime(t: number): void {
    const index = String(at(this.#screens, t))
    if (index === this.#slider.value) return
    this.#slider.value = index
    this.#show()
  }
}

export function createScreens(model: TraceModel, host: ScreensHost): Screens {
  const terminals = model.commands.filter(({ screens }) => screens.length > 0)
  const parts = terminals.map((command) => {
    const title = `${command.number}  ${middle(plain(shortCommand(command.command, model.meta.workspace)), 80)}`
    const onScreen = (t: number): void => host.onScreen(t, command)
    return { strip: new Strip(command, title, onScreen), projector: new Projector(command, title, onScreen) }
  })
  $('strips').replaceChildren(...parts.map(({ strip }) => strip.element))
  $('strips').hidden = terminals.length === 0
  for (const { strip } of parts) strip.reveal()
  $('panel-screens').replaceChildren(...parts.map(({ projector }) => projector.element))
  $('tab-screens').hidden = terminals.length === 0
  return {
    showTime(t) {
      for (const { strip, projector } of parts) {
        strip.showTime(t)
        projector.showTime(t)
      }
    },
  }
}

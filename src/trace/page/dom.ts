type Attributes = Readonly<Record<string, string | boolean | undefined>>
type Child = Node | string | undefined

interface Making {
  readonly class?: string
  readonly text?: string | undefined
  readonly title?: string | undefined
  readonly on?: Readonly<Record<string, (event: Event) => void>>
  readonly is?: Attributes
}

/** An element. Text is set as text, never as HTML: what it shows came from a program. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  { class: classes = '', text, title, on = {}, is = {} }: Making = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  if (classes !== '') made.className = classes
  if (title !== undefined) made.title = title
  if (text !== undefined) made.textContent = text
  for (const [key, value] of Object.entries(is)) {
    if (value === true) made.setAttribute(key, '')
    else if (value !== undefined && value !== false) made.setAttribute(key, value)
  }
  for (const [event, handler] of Object.entries(on)) made.addEventListener(event, handler)
  made.append(...children.filter((child) => child !== undefined))
  return made
}

/** An element of the page itself. */
export const $ = <Element extends HTMLElement = HTMLElement>(id: string): Element =>
  document.getElementById(id) as Element

/** Calls once per frame, however often it is asked. */
export function perFrame(draw: () => void): () => void {
  let isAsked = false
  return () => {
    if (isAsked) return
    isAsked = true
    requestAnimationFrame(() => {
      isAsked = false
      draw()
    })
  }
}

/** Whether a key goes to the page: none that the browser or a text field wants. */
export const isForPage = ({ ctrlKey, metaKey, altKey }: KeyboardEvent): boolean => !ctrlKey && !metaKey && !altKey

/** Scrolls no farther than is needed to show the part of a box between two heights. */
export function scrollTo(box: HTMLElement, top: number, bottom: number): void {
  if (top < box.scrollTop) box.scrollTop = top
  else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight
}

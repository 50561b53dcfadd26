type Attributes = Readonly<Record<string, string | boolean | undefined>>
type Child = Node | string | undefined

interface Making {
  readonly class?: string
  readonly text?: string | undefined
  readonly title?: string | undefined
  readonly on?: Readonly<Record<string, (event: Event) => void>>
  readonly is?: Attributes
}

/** Makes an element. Text is set as text, never as HTML, because it comes from a program. */
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

/** The element of the page with this id. */
export const $ = <Element extends HTMLElement = HTMLElement>(id: string): Element =>
  document.getElementById(id) as Element

/** Makes a function that draws once in the next frame, however often it is called before that. */
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

/** Whether a key is for the page, and not for the browser or a text field. */
export const isForPage = ({ ctrlKey, metaKey, altKey }: KeyboardEvent): boolean => !ctrlKey && !metaKey && !altKey

/** Scrolls no farther than is needed to show the part of a box between two heights. */
export function scrollTo(box: HTMLElement, top: number, bottom: number): void {
  if (top < box.scrollTop) box.scrollTop = top
  else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight
}

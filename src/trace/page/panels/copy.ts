import { element } from '../dom.js'

/** In a file opened from disk there may be no clipboard. Then the text is copied from a text field. */
async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
  } catch {
    const field = element('textarea', { is: { readonly: true } })
    field.value = text
    document.body.append(field)
    field.select()
    document.execCommand('copy')
    field.remove()
  }
}

/** Makes a button that copies a text. */
export function copyButton(what: string, text: () => string): HTMLButtonElement {
  const button = element('button', { class: 'copy', text: what, is: { type: 'button' } })
  button.addEventListener('click', (event) => {
    // The button may be in a `summary`, which a click would fold.
    event.preventDefault()
    void copy(text()).then(() => {
      button.textContent = 'copied'
      window.setTimeout(() => {
        button.textContent = what
      }, 1500)
    })
  })
  return button
}

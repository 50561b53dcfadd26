import { element } from '../dom.js'

/** A file that is opened from a disk may have no clipboard: then a text field is copied from. */
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

/** A button that copies a text. */
export function copyButton(what: string, text: () => string): HTMLButtonElement {
  const button = element('button', { class: 'copy', text: what, is: { type: 'button' } })
  button.addEventListener('click', (event) => {
    // It may stand in a summary, which a click folds.
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

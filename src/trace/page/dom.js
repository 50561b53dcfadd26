/** An element. Text is set as text, never as HTML: what it shows came from a program. */
export function element(name, { class: classes = '', text, on = {}, ...attributes } = {}, ...children) {
  const made = document.createElement(name)
  if (classes !== '') made.className = classes
  if (text !== undefined) made.textContent = text
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, '')
    else if (value !== undefined && value !== false) made.setAttribute(key, value)
  }
  for (const [event, handler] of Object.entries(on)) made.addEventListener(event, handler)
  made.append(...children.filter((child) => child !== undefined))
  return made
}

export const $ = (id) => document.getElementById(id)

/** ms as a person reads them. */
export function duration(ms) {
  if (ms === undefined || !Number.isFinite(ms)) return '–'
  if (ms < 10) return `${ms.toFixed(1)} ms`
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}

/** Seconds since the begin, all of one width. */
export const clock = (ms) => (ms / 1000).toFixed(3)

export const count = (number, word) =>
  `${number.toLocaleString('en')} ${word}${number === 1 ? '' : word.endsWith('s') ? 'es' : 's'}`

export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}

/** Calls once per frame, however often it is asked. */
export function perFrame(draw) {
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

/** The program of a command line, short. */
export function shortCommand(command) {
  const [program = '', ...rest] = command.split(' ')
  return [program.includes('/') ? program.slice(program.lastIndexOf('/') + 1) : program, ...rest].join(' ')
}

import { $ } from './dom.js'
import { readHash, writeHash } from './hash.js'

/** Light or dark. The system decides until somebody chooses. */
export function createTheme(onChange: () => void): void {
  const root = document.documentElement
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const set = (theme: string | null): void => {
    if (theme === 'dark' || theme === 'light') root.dataset['theme'] = theme
    else delete root.dataset['theme']
    onChange()
  }
  $('theme').addEventListener('click', () => {
    const isDark = root.dataset['theme'] === undefined ? dark.matches : root.dataset['theme'] === 'dark'
    set(isDark ? 'light' : 'dark')
    writeHash({ theme: root.dataset['theme'] })
  })
  dark.addEventListener('change', onChange)
  set(readHash().get('theme'))
}

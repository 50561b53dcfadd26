// Turns what a terminal sends for a key back into the name of that key.

const sequences: Readonly<Record<string, string>> = {
  '\r': 'Enter',
  '\n': 'Enter',
  '\t': 'Tab',
  '\u007F': 'Backspace',
  '\u001B': 'Escape',
  '\u001B[Z': 'Shift+Tab',
}
const finals: Readonly<Record<string, string>> = {
  A: 'ArrowUp',
  B: 'ArrowDown',
  C: 'ArrowRight',
  D: 'ArrowLeft',
  H: 'Home',
  F: 'End',
  P: 'F1',
  Q: 'F2',
  R: 'F3',
  S: 'F4',
}
const numbers: Readonly<Record<string, string>> = {
  1: 'Home',
  2: 'Insert',
  3: 'Delete',
  4: 'End',
  5: 'PageUp',
  6: 'PageDown',
  15: 'F5',
  17: 'F6',
  18: 'F7',
  19: 'F8',
  20: 'F9',
  21: 'F10',
  23: 'F11',
  24: 'F12',
}

const sequence = String.raw`\u001B\[(?:\d+)?(?:;(\d+))?([A-HPQRSZ~])|\u001BO([A-HPQRS])`
/** What one key sends, or a run of letters. */
const token = new RegExp(String.raw`${sequence}|[\u0000-\u001F\u007F]|[^\u0000-\u001F\u007F]+`, 'g')

const modifiers = (parameter: string | undefined): string => {
  const bits = parameter === undefined ? 0 : Number(parameter) - 1
  return `${bits & 4 ? 'Ctrl+' : ''}${bits & 2 ? 'Alt+' : ''}${bits & 1 ? 'Shift+' : ''}`
}

/** The names of the keys that were typed. Runs of letters are left as they are. */
export function keyNames(text: string): string[] {
  return [...text.matchAll(token)].map(([whole, parameter, final, application]) => {
    const plain = sequences[whole]
    if (plain !== undefined) return plain
    const letter = application ?? final
    if (letter === '~') return `${modifiers(parameter)}${numbers[/\d+/.exec(whole)?.[0] ?? ''] ?? 'a key'}`
    if (letter !== undefined) return `${modifiers(parameter)}${finals[letter] ?? 'a key'}`
    return whole < ' ' ? `Ctrl+${String.fromCharCode(whole.charCodeAt(0) + 64)}` : whole
  })
}

// What a terminal sends for a key: xterm's control sequences, as in terminfo's xterm-256color.

/** Named keys without modifiers. */
const named = {
  Enter: '\r',
  Tab: '\t',
  Escape: '\x1b',
  Backspace: '\x7f',
  Space: ' ',
} as const

/** Keys whose sequence ends in a letter: `CSI A`, or `SS3 A` if the program has asked for application cursor keys. */
const lettered = { ArrowUp: 'A', ArrowDown: 'B', ArrowRight: 'C', ArrowLeft: 'D', Home: 'H', End: 'F' } as const
/** Keys that send `SS3`, unless there is a modifier. */
const functionLettered = { F1: 'P', F2: 'Q', F3: 'R', F4: 'S' } as const
/** Keys that send `CSI number ~`. */
const numbered = {
  Insert: 2,
  Delete: 3,
  PageUp: 5,
  PageDown: 6,
  F5: 15,
  F6: 17,
  F7: 18,
  F8: 19,
  F9: 20,
  F10: 21,
  F11: 23,
  F12: 24,
} as const

type KeyName = keyof typeof named | keyof typeof lettered | keyof typeof functionLettered | keyof typeof numbered
type Modifier = 'Ctrl' | 'Alt' | 'Shift'

/**
 * A key: a name (`Enter`, `ArrowDown`, `F5`) or a character, each with `Ctrl+`, `Alt+` and `Shift+` before it if needed
 * (`Ctrl+C`, `Alt+Enter`), or a text to paste.
 */
export type Key = KeyName | `${Modifier}+${string}` | (string & {}) | { readonly paste: string }

/** The modes that the program has set in its terminal. */
export interface KeyModes {
  /** DECCKM: arrow keys send `SS3`. */
  readonly applicationCursorKeys: boolean
  /** Pasted text is put between markers, so that the program does not take it for typing. */
  readonly bracketedPaste: boolean
}

const known = [
  ...Object.keys(named),
  ...Object.keys(lettered),
  ...Object.keys(functionLettered),
  ...Object.keys(numbered),
]

const modifiers: Readonly<Record<string, 'shift' | 'alt' | 'ctrl'>> = {
  Ctrl: 'ctrl',
  Control: 'ctrl',
  Alt: 'alt',
  Shift: 'shift',
}

/** Other common names of keys. */
const otherNames: Readonly<Record<string, string>> = {
  return: 'Enter',
  newline: 'Enter',
  esc: 'Escape',
  up: 'ArrowUp',
  down: 'ArrowDown',
  left: 'ArrowLeft',
  right: 'ArrowRight',
  del: 'Delete',
  ins: 'Insert',
  pgup: 'PageUp',
  pgdn: 'PageDown',
  pgdown: 'PageDown',
  bs: 'Backspace',
  spacebar: 'Space',
}

/** The key that somebody probably meant. */
function meantBy(key: string): string | undefined {
  const caret = /^\^([a-z@[\\\]^_])$/i.exec(key)
  if (caret !== null) return `Ctrl+${caret[1]!.toUpperCase()}`
  const parts = key.split(/[+-](?=.)/)
  const last = parts.pop()!
  const name = known.find((each) => each.toLowerCase() === last.toLowerCase()) ?? otherNames[last.toLowerCase()]
  const held = parts.map(
    (part) =>
      ({
        c: 'Ctrl',
        ctrl: 'Ctrl',
        control: 'Ctrl',
        alt: 'Alt',
        meta: 'Alt',
        option: 'Alt',
        opt: 'Alt',
        m: 'Alt',
        shift: 'Shift',
        s: 'Shift',
      })[part.toLowerCase()],
  )
  if (held.includes(undefined)) return undefined
  const character = last.length === 1 && held.length > 0 ? last.toUpperCase() : undefined
  return name === undefined && character === undefined ? undefined : [...held, name ?? character].join('+')
}

const refuse = (caller: string, key: unknown, reason: string): TypeError =>
  new TypeError(
    `${caller}: ${typeof key === 'string' ? JSON.stringify(key) : String(key)} ${reason}${didYouMean(key)} Known are ${known.join(', ')}, single characters, ` +
      `each of them after Ctrl+, Alt+ and Shift+ ('Ctrl+C', 'Alt+ArrowLeft'), and { paste: 'text' }. A text is typed with write('text').`,
  )

function didYouMean(key: unknown): string {
  const meant = typeof key === 'string' ? meantBy(key) : undefined
  return meant === undefined || meant === key ? '.' : `: did you mean '${meant}'?`
}

/** The control character for a character: its ASCII code less 64. */
function control(character: string): string | undefined {
  if (character === ' ' || character === '2') return '\0'
  if (character === '?' || character === '8') return '\x7f'
  if (character === '/') return '\x1f'
  const code = character.toUpperCase().charCodeAt(0)
  return character.length === 1 && code >= 0x40 && code <= 0x5f ? String.fromCharCode(code - 0x40) : undefined
}

/** What the terminal sends for one key. */
export function encodeKey(caller: string, key: Key, modes: KeyModes): string {
  if (typeof key === 'object' && key !== null && typeof key.paste === 'string') return paste(key.paste, modes)
  if (typeof key !== 'string' || key === '') throw refuse(caller, key, 'is no key')
  const held = { shift: false, alt: false, ctrl: false }
  let rest: string = key
  for (let plus = rest.indexOf('+', 1); plus > 0; plus = rest.indexOf('+', 1)) {
    const modifier = modifiers[rest.slice(0, plus)]
    if (modifier === undefined || plus === rest.length - 1) throw refuse(caller, key, 'is no key that is known here')
    if (held[modifier]) throw refuse(caller, key, 'has a modifier twice')
    held[modifier] = true
    rest = rest.slice(plus + 1)
  }
  const { shift, alt, ctrl } = held
  const parameter = 1 + (shift ? 1 : 0) + (alt ? 2 : 0) + (ctrl ? 4 : 0)
  if (Object.hasOwn(lettered, rest)) {
    const letter = lettered[rest as keyof typeof lettered]
    if (parameter > 1) return `\x1b[1;${parameter}${letter}`
    return `${modes.applicationCursorKeys ? '\x1bO' : '\x1b['}${letter}`
  }
  if (Object.hasOwn(functionLettered, rest)) {
    const letter = functionLettered[rest as keyof typeof functionLettered]
    return parameter > 1 ? `\x1b[1;${parameter}${letter}` : `\x1bO${letter}`
  }
  if (Object.hasOwn(numbered, rest)) {
    const number = numbered[rest as keyof typeof numbered]
    return parameter > 1 ? `\x1b[${number};${parameter}~` : `\x1b[${number}~`
  }
  return `${alt ? '\x1b' : ''}${encodeCharacter(caller, key, rest, ctrl, shift)}`
}

/**
 * The text for a key that sends one character. A terminal cannot express Ctrl+Enter or Shift+Space: it sends the key
 * alone.
 */
function encodeCharacter(caller: string, key: string, rest: string, ctrl: boolean, shift: boolean): string {
  if (rest === 'Tab' && shift) return '\x1b[Z'
  if (rest === 'Backspace' && ctrl) return '\b'
  const character = Object.hasOwn(named, rest) ? named[rest as keyof typeof named] : rest
  const isCharacter = [...new Intl.Segmenter().segment(character)].length === 1
  if (!isCharacter) throw refuse(caller, key, 'is no key that is known here')
  if (!ctrl || (character !== ' ' && Object.hasOwn(named, rest))) return shift ? character.toUpperCase() : character
  const code = control(character)
  if (code === undefined) throw refuse(caller, key, 'is a combination that a terminal cannot send')
  return code
}

/**
 * The text for a paste. A line end becomes what Enter sends, and a marker that would end the paste early is removed.
 */
function paste(text: string, modes: KeyModes): string {
  const lines = text.replaceAll(/\r?\n/g, '\r')
  return modes.bracketedPaste ? `\x1b[200~${lines.replaceAll('\x1b[201~', '')}\x1b[201~` : lines
}

// Turns the colours that a program wrote into classes. All other escape sequences are left out.

// oxlint-disable-next-line no-control-regex -- that is what it looks for.
const escapes = /\u001B(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001B]*(?:\u0007|\u001B\\)?|[@-Z\\^_]|[()#%][0-9A-Z])/g
// oxlint-disable-next-line no-control-regex -- the same.
const controls = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u2028\u2029\u202A-\u202E\u2066-\u2069]/g

/** Any character that cannot be shown as it is. */
const anyControl = /[^\u0020-\u007E\u00A0-\u2027\u202F-\u2065\u206A-\uFFFF]/

const show = (text: string): string =>
  text
    .replaceAll('\t', '    ')
    .replaceAll(controls, (character) =>
      character < ' ' ? String.fromCharCode(0x2400 + character.charCodeAt(0)) : '\uFFFD',
    )

/** A line as it is read and searched. A carriage return starts the line again, as in a terminal. */
export function plain(text: string): string {
  if (!anyControl.test(text)) return text
  const bare = text.replaceAll(escapes, '').replace(/\r+$/, '')
  return show(bare.slice(bare.lastIndexOf('\r') + 1))
}

interface Style {
  readonly weight?: 'bold' | 'dim' | undefined
  readonly line?: 'underline' | undefined
  /** 0 to 7 */
  readonly colour?: number | undefined
}

/** Applies a sequence `ESC [ … m` to a style. */
function applyStyle(before: Style, parameters: string): Style {
  let style = before
  const codes = parameters.split(/[;:]/).map(Number)
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index]!
    if (code === 0) style = {}
    else if (code === 1) style = { ...style, weight: 'bold' }
    else if (code === 2) style = { ...style, weight: 'dim' }
    else if (code === 22) style = { ...style, weight: undefined }
    else if (code === 4) style = { ...style, line: 'underline' }
    else if (code === 24) style = { ...style, line: undefined }
    else if (code === 39) style = { ...style, colour: undefined }
    else if (code >= 30 && code <= 37) style = { ...style, colour: code - 30 }
    else if (code >= 90 && code <= 97) style = { ...style, colour: code - 90 }
    else if (code === 38 || code === 48) {
      // Of the 256 colours the first sixteen have classes. The others are all shown alike.
      if (code === 38 && codes[index + 1] === 5 && codes[index + 2]! < 16)
        style = { ...style, colour: codes[index + 2]! % 8 }
      index += codes[index + 1] === 5 ? 2 : 4
    }
  }
  return style
}

const classesOf = ({ weight, line, colour }: Style): string =>
  [weight, line, colour === undefined ? undefined : `c${colour}`].filter(Boolean).join(' ')

/** A part of a line, and the classes that make it look as in a terminal. */
export interface Piece {
  readonly text: string
  readonly classes: string
}

/** Splits a line into pieces with classes. */
export function pieces(text: string): Piece[] {
  if (!text.includes('\u001B[')) return [{ text: plain(text), classes: '' }]
  const line = text.replace(/\r+$/, '')
  const found: Piece[] = []
  let style: Style = {}
  let from = 0
  const add = (to: number): void => {
    if (to > from) found.push({ text: show(line.slice(from, to).replaceAll('\r', '')), classes: classesOf(style) })
  }
  for (const match of line.matchAll(escapes)) {
    add(match.index)
    from = match.index + match[0].length
    if (match[0].endsWith('m') && match[0].startsWith('\u001B[')) style = applyStyle(style, match[0].slice(2, -1))
  }
  add(line.length)
  return found
}

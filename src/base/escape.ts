// Makes the output of commands harmless before it is shown on a terminal, or in a log that interprets lines as
// commands.

const escapeCharacter = (character: string): string => {
  const code = character.charCodeAt(0)
  return code < 0x20 ? `^${String.fromCharCode(code + 64)}` : `\\u${code.toString(16).padStart(4, '0')}`
}

/**
 * GitHub Actions takes a line for a command if it begins with `::`, even after white space, or contains `##[`. Azure
 * does so with `##vso[`, TeamCity with `##teamcity[`.
 */
const defuse = (text: string): string =>
  text.replaceAll(/^(\s*)::/gm, String.raw`$1\::`).replaceAll(/##(\w*)\[/g, String.raw`##$1\[`)

/** Line ends, and characters that make text run backwards, so that it reads differently. */
const control = String.raw`[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]`
const controls = new RegExp(control, 'gu')
const controlsOfText = new RegExp(String.raw`(?![\n\t])${control}`, 'gu')

/** Control characters as they would be written, so that no output controls a terminal, a log or a CI annotation. */
export const escapeControls = (text: string): string =>
  defuse(text.replaceAll('\t', '    ').replaceAll(controls, escapeCharacter))

/** The same for a text of several lines, such as an error's message: tabs and line ends stay. */
export const escapeText = (text: string): string =>
  defuse(text.replaceAll('\r\n', '\n').replaceAll(controlsOfText, escapeCharacter))

const plain = /^[\w@%+=:,./~^-]+$/

/** One argument as a shell would take it. */
export const quoteArgument = (argument: string): string =>
  plain.test(argument) ? argument : `'${argument.replaceAll("'", String.raw`'\''`)}'`

/** A command line as a shell would show it. */
export const quoteCommand = (parts: readonly string[]): string => parts.map(quoteArgument).join(' ')

/** Names of variables whose values are not for others. */
const secretName =
  /TOKEN|SECRET|PASSW|PASSPHRASE|PASSCODE|CREDENTIAL|API_?KEY|PRIVATE|COOKIE|SIGNATURE|CONNECTION_?STRING|CONN_?STR|PASS$|(?:^|_)(?:AUTH|KEY|PAT|PASS|PW|DSN|SAS)(?:_|$)|\w_?PWD$/i
/** The current folder and the one before: the shell's own. */
const isFolder = (name: string): boolean => /^(?:OLD)?PWD$/.test(name)
const judged = new Map<string, boolean>()

/** Remembered: every test has the same names. */
function isSecretName(name: string): boolean {
  let isSecret = judged.get(name)
  if (isSecret === undefined) {
    isSecret = secretName.test(name) && !isFolder(name)
    judged.set(name, isSecret)
  }
  return isSecret
}

/** A key in base64, which may begin as a path does. A path says with its words what it is. */
const looksLikeKey = (value: string): boolean =>
  /^[\w+/=-]{20,}$/.test(value) && /[A-Z]/.test(value) && /[a-z]/.test(value) && /\d|\+/.test(value)

const namesPlace = /(?:SOCK|SOCKET|FILE|PATH|DIR|HOME|FOLDER)$/i

/** A path is a place, as in SSH_AUTH_SOCK, and stands in half of all command lines. */
const isPlace = (name: string, value: string): boolean =>
  value.startsWith('/') && (namesPlace.test(name) || !looksLikeKey(value))

// Each is bounded: a text that is all beginnings would be looked at for ever.

/** The password of an address: `scheme://user:password@host`. */
const addressPassword = /(:\/\/[^/\s:@'"]{0,200}:)([^/\s'"]{1,500})@/g
/** The secret fields of a connection string: `AccountName=x;AccountKey=…;EndpointSuffix=y`. */
const secretField =
  /(\b(?:AccountKey|SharedAccessKey|SharedAccessSignature)=|;\s*(?:Password|Passwd|Pwd|ApiKey|AccessKey|ClientSecret|Secret) *= *)([^;\s'"]{1,500})|(\b(?:Password|Passwd|Pwd|ApiKey|AccessKey|ClientSecret|Secret)=)([^;\s'"]{1,500})(?=;)/gi

const fieldsOf = (text: string): string[] => [...text.matchAll(secretField)].map((match) => match[2] ?? match[4]!)
/** An option whose value is none for others: `--password x`, `--api-key=x`. */
const secretOption =
  /(--?(?:[\w-]{0,40}(?:password|passwd|passphrase|secret|token|api-?key|credentials?|access-?key|private-?key)|pass))(=| )('[^']*'|[^\s'-][^\s']*)/gi
/** `Authorization: Bearer x`. */
const authorization = /((?:proxy-)?authorization:\s*(?:bearer|basic|token|digest)\s+)([^\s'"]+)/gi

/** A shorter value stands in too many innocent places. */
const shortest = 6

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** A secret as it stands in a picture of a screen. */
const inPicture = (value: string): string =>
  value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll(' ', '\u00a0')

/**
 * Puts `$NAME` in the place of a secret's value. Secrets are the values of variables whose names say so, and what is a
 * password by the form of an address, a connection string or a command line, wherever that stands.
 */
export class Mask {
  readonly #names = new Map<string, string>()
  readonly #learned = new Map<string, string>()
  /** The longest first: one may be a part of another. */
  #secrets: readonly (readonly [value: string, name: string])[] = []

  learn(environment: Readonly<Record<string, string | undefined>>): void {
    const before = this.#names.size
    for (const name in environment) {
      const value = environment[name]
      if (value === undefined || value.length < shortest || this.#learned.get(name) === value) continue
      this.#learned.set(name, value)
      this.#learnVariable(name, value)
    }
    if (this.#names.size > before) this.#sort()
  }

  #sort(): void {
    this.#secrets = [...this.#names].toSorted(([a], [b]) => b.length - a.length)
  }

  #learnVariable(name: string, value: string): void {
    const passwords = value.includes('://')
      ? [...value.matchAll(addressPassword)].map(([, , password]) => password!)
      : []
    const fields = value.includes('=') ? fieldsOf(value) : []
    const parts = [...passwords, ...passwords.map(decoded), ...fields]
    if (parts.length > 0 || (isSecretName(name) && !isPlace(name, value))) this.#add(value, name)
    for (const part of parts) this.#add(part, name)
  }

  #add(value: string, name: string): void {
    if (value.length >= shortest && !this.#names.has(value)) this.#names.set(value, name)
  }

  /** What a command line holds is hidden in what the command writes, too. */
  learnCommand(command: string): void {
    const before = this.#names.size
    for (const [, , password] of command.matchAll(addressPassword)) {
      this.#add(password!, 'PASSWORD')
      this.#add(decoded(password!), 'PASSWORD')
    }
    for (const field of fieldsOf(command)) this.#add(field, 'SECRET')
    for (const [, , , value] of command.matchAll(secretOption)) this.#add(value!.replaceAll("'", ''), 'SECRET')
    for (const [, , value] of command.matchAll(authorization)) this.#add(value!, 'SECRET')
    if (this.#names.size > before) this.#sort()
  }

  /** The values of these variables, whatever their names say. */
  learnAll(environment: Readonly<Record<string, string | undefined>>, names: readonly string[]): void {
    for (const name of names) this.#add(environment[name] ?? '', name)
    this.#sort()
  }

  hide(text: string): string {
    return hideByForm(this.#hideKnown(text, (value) => value))
  }

  /** The same of a command line, in which options tell too: in the output `--token TOKEN` is what a program's help says. */
  hideInCommand(command: string): string {
    return this.hide(command).replaceAll(secretOption, (all, option: string, sign: string, value: string) =>
      isMasked(value) ? all : `${option}${sign}$SECRET`,
    )
  }

  /** The same in a picture of a screen. */
  hideInPicture(svg: string): string {
    return this.#hideKnown(svg, inPicture)
  }

  #hideKnown(text: string, form: (value: string) => string): string {
    let masked = text
    for (const [secret, name] of this.#secrets) {
      const value = form(secret)
      if (masked.includes(value)) masked = masked.replaceAll(value, () => `$${name}`)
    }
    return masked
  }

  /** Whether there is anything to hide. */
  isNeededFor(bytes: Buffer): boolean {
    if (this.#secrets.some(([value]) => bytes.includes(value))) return true
    const text = mayHold.some((sign) => bytes.includes(sign)) ? bytes.toString('latin1') : ''
    return hideByForm(text) !== text
  }
}

/** Without one of these nothing has the form of a secret. */
const mayHold = ['://', 'Key=', 'uthorization:', 'assword=']

/** A name that is there already, put there by somebody else. */
const isMasked = (value: string): boolean => value.startsWith('$') || /^[*x.…]+$/i.test(value)

function hideByForm(text: string): string {
  const replace = (pattern: RegExp, at: (match: string[]) => string): void => {
    masked = masked.replaceAll(pattern, (...match: string[]) => at(match))
  }
  let masked = text
  if (masked.includes('://')) {
    replace(addressPassword, ([all, before, value]) => (isMasked(value!) ? all! : `${before}$PASSWORD@`))
  }
  if (masked.includes('=')) {
    replace(secretField, ([all, before, value, start, last]) =>
      isMasked((value ?? last)!) ? all! : `${before ?? start}$SECRET`,
    )
  }
  if (/authorization:/i.test(masked)) {
    replace(authorization, ([all, before, value]) => (isMasked(value!) ? all! : `${before}$SECRET`))
  }
  return masked
}

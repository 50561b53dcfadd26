/** The names of variables whose values are secret. */
const secretName =
  /TOKEN|SECRET|PASSW|PASSPHRASE|PASSCODE|CREDENTIAL|API_?KEY|PRIVATE|COOKIE|SIGNATURE|BEARER|WEBHOOK|CONNECTION_?STRING|CONN_?STR|SESS(?:ION)?_?ID|PASS$|(?:^|_)(?:AUTH|CREDS|JWT|KEY|PAT|PASS|PW|DSN|SALT|SAS)(?:_|$)|\w_?PWD$/i
/** The shell's own variables for the current folder and the one before. */
const isFolder = (name: string): boolean => /^(?:OLD)?PWD$/.test(name)
const judged = new Map<string, boolean>()

/** The answers are kept, because every test has the same names. */
function isSecretName(name: string): boolean {
  let isSecret = judged.get(name)
  if (isSecret === undefined) {
    isSecret = secretName.test(name) && !isFolder(name)
    judged.set(name, isSecret)
  }
  return isSecret
}

/** Whether a value looks like a key in base64. That may begin like a path, but a path consists of words. */
const looksLikeKey = (value: string): boolean =>
  /^[\w+/=-]{20,}$/.test(value) && /[A-Z]/.test(value) && /[a-z]/.test(value) && /\d|\+/.test(value)

const namesPlace = /(?:SOCK|SOCKET|FILE|PATH|DIR|HOME|FOLDER)$/i

/** Whether a value is two folders or more, of words. A password may begin with a slash too. */
const looksLikePath = (value: string): boolean => /^(?:\/[\w.@+ -]+){2,}\/?$/.test(value) && !looksLikeKey(value)

/** Whether a value is a path, as in SSH_AUTH_SOCK. Paths are not secret, and half of all command lines contain one. */
const isPlace = (name: string, value: string): boolean =>
  value.startsWith('/') && (namesPlace.test(name) || looksLikePath(value))

// Each repetition is bounded, so that no text takes forever to search.

/** The password in a URL: `scheme://user:password@host`. */
const addressPassword = /(:\/\/[^/\s:@'"]{0,200}:)([^/\s'"]{1,500})@/g
/** The secret fields of a connection string: `AccountName=x;AccountKey=…;EndpointSuffix=y`. */
const secretField =
  /(\b(?:AccountKey|SharedAccessKey|SharedAccessSignature)=|;\s*(?:Password|Passwd|Pwd|ApiKey|AccessKey|ClientSecret|Secret) *= *)([^;\s'"]{1,500})|(\b(?:Password|Passwd|Pwd|ApiKey|AccessKey|ClientSecret|Secret)=)([^;\s'"]{1,500})(?=;)/gi

const fieldsOf = (text: string): string[] => [...text.matchAll(secretField)].map((match) => match[2] ?? match[4]!)
/** An option with a secret value: `--password x`, `--api-key=x`. */
const secretOption =
  /(--?(?:[\w-]{0,40}(?:password|passwd|passphrase|secret|token|api-?key|credentials?|access-?key|private-?key)|pass|auth(?==)))(=| )('[^']*'|[^\s'-][^\s']*)/gi
/** A token in the place of a user: `https://ghp_0123…@host`. */
const addressToken = /(:\/\/)((?=[\w-]{0,200}\d)[\w-]{20,200})(?=(?::x-oauth-basic)?@)/g
/** `https://host/?access_token=x`, `&sig=x`. */
const queryField =
  /([?&](?:[\w-]{0,40}(?:token|secret|password|passwd|signature)|api[_-]?key|sig)=)([^&\s'"#]{1,500})/gi
/** `X-Api-Key: x`. */
const secretHeader = /((?<![\w/-])x-[\w-]{0,40}(?:key|token|secret|auth|password):\s*)([^\s'"]{1,500})/gi
/** A variable that a command line sets for a program: `env PGPASSWORD=x psql`. */
const assignment = /(?<![\w?&-])(([A-Za-z_]\w{0,80})=)('[^']*'|[^\s'"&;]{1,500})/g
/** `curl -u user:password`. */
const curlUser =
  /^(?:\S*\/)?(?:curl|http|https|wget|xh)\s(?:.*?\s)?(?:-u|-a|--user|--auth)[= ]?'?[^\s:'"]{1,100}:([^\s'"]{1,500})/s
/** `Authorization: Bearer x`. */
const authorization = /((?:proxy-)?authorization:\s*(?:bearer|basic|token|digest)\s+)([^\s'"]+)/gi

/** `mysql -px`, `sshpass -p x`, `redis-cli -a x`. */
const shortOption =
  /((?<![\w-])(?:(?:mysql|mariadb)[\w-]{0,20} (?:[^;|&\n]{0,200} )?-p|sshpass -p ?|redis-cli (?:[^;|&\n]{0,200} )?-a ))('[^']*'|[^\s'";|&]{1,500})/g
/** `"password":"x"`, in JSON. */
const jsonField =
  /(\\?"[\w-]{0,40}(?:password|passwd|passphrase|secret|token|(?:api|access|private)[_-]?key)\\?":\s{0,9}\\?")([^"\\]{1,500})/gi
/** What is secret by its beginning: keys of AWS, GitHub, GitLab, npm, Slack and Stripe, and JSON Web Tokens. */
const knownToken =
  /()(?<![\w-])((?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_\w{36,255}|github_pat_\w{22,255}|glpat-[\w-]{20,99}|npm_\w{36}|xox[abprs]-[\w-]{10,255}|[rs]k_live_\w{16,255}|eyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,2000})(?![\w-])/g

/** A shorter value occurs in too many harmless places. */
const shortest = 6

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** A secret in the form that it has in a picture of a screen. */
const inPicture = (value: string): string =>
  value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll(' ', '\u00a0')

/**
 * Replaces the values of secrets by `$NAME`. Secret are the values of variables with such a name, and whatever is a
 * password by the form of a URL, a connection string or a command line, wherever it occurs.
 */
export class Mask {
  readonly #names = new Map<string, string>()
  readonly #learned = new Map<string, string>()
  /** The longest secrets come first, because one may be a part of another. */
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

  /** Learns the secrets in a command line, to hide them in the command's output too. */
  learnCommand(command: string): void {
    const before = this.#names.size
    for (const [, , password] of command.matchAll(addressPassword)) {
      this.#add(password!, 'PASSWORD')
      this.#add(decoded(password!), 'PASSWORD')
    }
    for (const field of fieldsOf(command)) this.#add(field, 'SECRET')
    for (const [, , , value] of command.matchAll(secretOption)) this.#add(value!.replaceAll("'", ''), 'SECRET')
    for (const [, , value] of command.matchAll(shortOption)) this.#add(value!.replaceAll("'", ''), 'PASSWORD')
    for (const form of [authorization, queryField, secretHeader, addressToken, jsonField, knownToken]) {
      for (const [, , value] of command.matchAll(form)) this.#add(value!, 'SECRET')
    }
    for (const [, , name, value] of command.matchAll(assignment)) this.#learnVariable(name!, value!.replaceAll("'", ''))
    const password = curlUser.exec(command)?.[1]
    if (password !== undefined) this.#add(password, 'PASSWORD')
    if (this.#names.size > before) this.#sort()
  }

  /** Learns the values of these variables as secrets, whatever their names are. */
  learnAll(environment: Readonly<Record<string, string | undefined>>, names: readonly string[]): void {
    for (const name of names) this.#add(environment[name] ?? '', name)
    this.#sort()
  }

  hide(text: string): string {
    return hideByForm(this.#hideKnown(text, (value) => value))
  }

  /**
   * Hides secrets in a command line, where options tell too. In output, `--token TOKEN` is just the help of a program.
   */
  hideInCommand(command: string): string {
    return this.hide(command)
      .replaceAll(secretOption, (all, option: string, sign: string, value: string) =>
        isMasked(value) ? all : `${option}${sign}$SECRET`,
      )
      .replaceAll(shortOption, (all, before: string, value: string) => (isMasked(value) ? all : `${before}$PASSWORD`))
      .replaceAll(assignment, (all, before: string, name: string, value: string) =>
        isMasked(value) || !isSecretName(name) || isPlace(name, value) ? all : `${before}$SECRET`,
      )
  }

  /** Hides secrets in a picture of a screen. */
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

  /** Whether there may be anything to hide. */
  isNeededFor(bytes: Buffer): boolean {
    if (this.#secrets.some(([value]) => bytes.includes(value))) return true
    const text = mayHold.some((sign) => bytes.includes(sign)) ? bytes.toString('latin1') : ''
    return hideByForm(text) !== text
  }
}

/** A text without any of these contains nothing in the form of a secret. */
const mayHold =
  '://|Key=|uthorization:|assword=|x-|X-|":|AKIA|ASIA|ghp_|gho_|ghu_|ghs_|ghr_|github_pat_|glpat-|npm_|xox|k_live_|eyJ'.split(
    '|',
  )

/** Whether somebody else has already replaced the value by a name. */
const isMasked = (value: string): boolean => value.startsWith('$') || /^[*x.…]+$/i.test(value)

function hideByForm(text: string): string {
  const replace = (pattern: RegExp, at: (match: string[]) => string): void => {
    masked = masked.replaceAll(pattern, (...match: string[]) => at(match))
  }
  let masked = text
  if (masked.includes('://')) {
    replace(addressPassword, ([all, before, value]) => (isMasked(value!) ? all! : `${before}$PASSWORD@`))
    for (const form of [addressToken, queryField]) {
      replace(form, ([all, before, value]) => (isMasked(value!) ? all! : `${before}$SECRET`))
    }
  }
  if (masked.includes('=')) {
    replace(secretField, ([all, before, value, start, last]) =>
      isMasked((value ?? last)!) ? all! : `${before ?? start}$SECRET`,
    )
  }
  if (/\bx-/i.test(masked)) {
    replace(secretHeader, ([all, before, value]) => (isMasked(value!) ? all! : `${before}$SECRET`))
  }
  if (masked.includes('":')) {
    replace(jsonField, ([all, before, value]) => (isMasked(value!) ? all! : `${before}$SECRET`))
  }
  replace(knownToken, () => '$SECRET')
  if (/authorization:/i.test(masked)) {
    replace(authorization, ([all, before, value]) => (isMasked(value!) ? all! : `${before}$SECRET`))
  }
  return masked
}

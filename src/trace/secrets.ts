/** Names of variables whose values are not for others. */
const secretName =
  /TOKEN|SECRET|PASSW|PASSPHRASE|PASSCODE|CREDENTIAL|APIKEY|PRIVATE|COOKIE|SIGNATURE|(?:^|_)(?:AUTH|KEY|PAT)(?:_|$)/i
const judged = new Map<string, boolean>()

/** Remembered: every test has the same names. */
function isSecretName(name: string): boolean {
  let isSecret = judged.get(name)
  if (isSecret === undefined) {
    isSecret = secretName.test(name)
    judged.set(name, isSecret)
  }
  return isSecret
}

/** A password in an address. */
const secretValue = /:\/\/[^/\s]*:[^/\s]+@/
/** A shorter value stands in too many innocent places. */
const shortest = 6

/**
 * Puts `$NAME` in the place of a secret's value. Secrets are the values of variables whose names say so, and addresses
 * with a password, in the environments that it has learned.
 */
export class Mask {
  readonly #names = new Map<string, string>()
  /** The longest first: one may be a part of another. */
  #secrets: readonly (readonly [value: string, name: string])[] = []

  learn(environment: Readonly<Record<string, string | undefined>>): void {
    const before = this.#names.size
    for (const name in environment) {
      const value = environment[name]
      if (value === undefined || value.length < shortest || this.#names.has(value)) continue
      // A path is a place, as in SSH_AUTH_SOCK, and stands in half of all command lines.
      const isNamedSo = isSecretName(name) && !value.startsWith('/')
      if (isNamedSo || (value.includes('://') && secretValue.test(value))) this.#names.set(value, name)
    }
    if (this.#names.size > before) this.#secrets = [...this.#names].toSorted(([a], [b]) => b.length - a.length)
  }

  hide(text: string): string {
    let masked = text
    for (const [value, name] of this.#secrets) {
      if (masked.includes(value)) masked = masked.replaceAll(value, () => `$${name}`)
    }
    return masked
  }

  /** Whether there is anything to hide. */
  isNeededFor(bytes: Buffer): boolean {
    return this.#secrets.some(([value]) => bytes.includes(value))
  }
}

import type * as Crypto from 'node:crypto'
import { createRequire } from 'node:module'

/** The SHA-256 of a text. node:crypto is loaded at the first call, because that takes 3 ms. */
export function sha256(text: string, encoding: 'hex' | 'base64'): string {
  const { createHash } = createRequire(import.meta.url)('node:crypto') as typeof Crypto
  return createHash('sha256').update(text).digest(encoding)
}

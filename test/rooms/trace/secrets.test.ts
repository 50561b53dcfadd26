import { describe, expect, test } from 'vitest'
import { Mask } from '../../../src/trace/secrets.js'

const masking = (environment: Record<string, string | undefined>): Mask => {
  const mask = new Mask()
  mask.learn(environment)
  return mask
}

describe('what is hidden', () => {
  test.each([
    ['GITHUB_TOKEN', 'ghp_0123456789'],
    ['DB_PASSWORD', 'correct horse'],
    ['AWS_SECRET_ACCESS_KEY', 'wJalrXUtnFEMI/K7MDENG'],
    ['STRIPE_API_KEY', 'sk_live_0123'],
    ['DATABASE_URL', 'postgres://me:hunter2@db:5432/app'],
    ['npm_config__auth', 'YWxhZGRpbjpvcGVu'],
  ])('%s', (name, value) => {
    expect(masking({ [name]: value }).hide(`curl -H "X: ${value}" ${value}`)).toBe(`curl -H "X: $${name}" $${name}`)
  })

  test.each([
    ['PATH', '/usr/local/bin:/usr/bin'],
    ['SSH_AUTH_SOCK', '/tmp/ssh-agent/socket'],
    ['GIT_AUTHOR_NAME', 'Ada Lovelace'],
    ['HOMEPAGE_URL', 'https://example.com/a:b/c@d'],
    ['MONKEY', 'banana split'],
    ['CI_TOKEN', 'short'],
    ['EMPTY_SECRET', ''],
  ])('not %s', (name, value) => {
    expect(masking({ [name]: value, OTHER_TOKEN: undefined }).hide(`run ${value}`)).toBe(`run ${value}`)
  })

  test('of two secrets of which one is a part of the other, the longer first', () => {
    const mask = masking({ A_TOKEN: 'secret', B_TOKEN: 'secret-and-more' })
    expect(mask.hide('secret-and-more secret')).toBe('$B_TOKEN $A_TOKEN')
  })

  test('what is learned later too', () => {
    const mask = masking({ A_TOKEN: 'the first' })
    expect(mask.isNeededFor(Buffer.from('the second'))).toBe(false)
    mask.learn({ B_TOKEN: 'the second' })
    expect(mask.isNeededFor(Buffer.from('the second'))).toBe(true)
    expect(mask.hide('the first, the second')).toBe('$A_TOKEN, $B_TOKEN')
  })
})

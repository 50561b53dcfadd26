import { expect, test } from 'vitest'
import { formatMark, markName, parseMarks } from '../../../src/containment/marks.js'
import {
  formatOwner,
  isJudgedHere,
  isOwnerDead,
  newToken,
  parseOwner,
  thisOwner,
} from '../../../src/containment/owner.js'

test('an owner is read back as it was written', () => {
  expect(parseOwner(formatOwner(thisOwner()))).toEqual(thisOwner())
  expect(isJudgedHere(thisOwner())).toBe(true)
  expect(isOwnerDead(thisOwner())).toBe(false)
})

test.each([
  '',
  '1',
  '1-2-3-4',
  '1-2-3-4-5-6',
  '-1-2-3-4-5',
  '1-2-xyz-4-5',
  'a-2-0-4-5',
  '12345678901-2-0-4-5',
  ' 1-2-0-4-5',
  '1-2-0-4-5\n1',
])('%j is no owner', (text) => {
  expect(parseOwner(text)).toBeUndefined()
})

test('every proctor around a process has its own mark in the environment', () => {
  const outer = { owner: thisOwner(), run: newToken(), tree: '1.2' }
  const inner = { owner: { ...thisOwner(), pid: 4711 }, run: '0', tree: '3.4' }
  const environment = [
    'PATH=/bin',
    `${markName(newToken())}=${formatMark(outer)}`,
    'PROCTOR_MARK_bad=nonsense',
    'PROCTOR_MARK_empty=',
    `${markName(newToken())}=${formatMark(inner)}`,
    `NOT_PROCTOR_MARK_x=${formatMark(outer)}`,
  ]
  expect(parseMarks(environment)).toEqual([outer, inner])
  expect(newToken()).not.toBe(newToken())
})

import { expect, test } from 'vitest'
import { matchersWith } from '../../../src/matchers/all.js'
import { matcherNames } from '../../../src/matchers/names.js'
import * as entry from '../../../src/matchers.js'

test('the list of names, what runners register and what proctor/matchers exports are the same', () => {
  const names = [...matcherNames]
  expect(Object.keys(matchersWith({})).toSorted()).toEqual(names)
  expect(Object.keys(entry).toSorted()).toEqual(names)
})

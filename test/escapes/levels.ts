import { ContainmentError, createProctor, type Proctor } from 'proctor'
import type { Level } from './cases.js'

export const levels = ['strict', 'basic'] as const
type Skip = (note: string) => never

/** A fixture of a level; where that is not to be had, the test is skipped. */
export async function proctorOr(skip: Skip, level: Level, leakTimeout: number): Promise<Proctor> {
  try {
    return await createProctor({ containment: level, grace: 1000, leakTimeout })
  } catch (error) {
    if (level === 'strict' && error instanceof ContainmentError) return skip(error.message)
    throw error
  }
}

import { ContainmentError, createProctor, type Proctor } from 'proctor'
import type { Level } from './cases.js'

export const levels = ['strict', 'basic'] as const
type Skip = (note: string) => never

/** A fixture with this level of containment. Skips the test where the level is not available. */
export async function proctorOr(skip: Skip, level: Level, leakTimeout: number): Promise<Proctor> {
  try {
    return await createProctor({ containment: level, grace: 1000, leakTimeout })
  } catch (error) {
    if (level === 'strict' && error instanceof ContainmentError) return skip(error.message)
    throw error
  }
}

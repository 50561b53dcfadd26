/** How a process was found to be a root's. */
export type Evidence =
  | 'leader'
  | 'group'
  | 'session'
  | 'parent chain'
  | 'mark'
  | 'workspace'
  | 'standard streams'
  | 'elimination'

/**
 * Whether what is in a group together with one that was found so is of the same root. A guess is none: who was found by
 * its place, or because nobody else could have started it, may be in a group of somebody else's.
 */
export const isProof = (evidence: Evidence): boolean =>
  !['workspace', 'standard streams', 'elimination'].includes(evidence)

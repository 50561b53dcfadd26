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
 * Whether everything in the group of such a process belongs to the same root. A guess is no proof: a process that was
 * found by its folder, or by elimination, may be in a group of somebody else.
 */
export const isProof = (evidence: Evidence): boolean =>
  !['workspace', 'standard streams', 'elimination'].includes(evidence)

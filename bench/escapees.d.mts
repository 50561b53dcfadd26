export interface Trial {
  /** How many of the six were seen at once. */
  readonly seen: number
  readonly alive: number
  readonly exit: { readonly code: number | null; readonly signal: string | null }
  readonly output: string
  readonly report:
    | {
        readonly exitCode: number | null
        readonly exitSignal: string | null
        readonly left: { readonly command: string }[]
      }
    | undefined
  readonly number: string
}
export const endings: readonly string[]
export function runners(peers: string): Record<string, readonly string[]>
export function sleepersOf(number: string): number[]
export function tryOut(command: readonly string[], ending: string, wrapper: string): Promise<Trial>

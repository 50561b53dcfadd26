/** The part of the address after `#`: `#tab=files&search=error&theme=dark`. It can be shared together with the file. */
export const readHash = (): URLSearchParams => new URLSearchParams(location.hash.slice(1))

export function writeHash(changes: Readonly<Record<string, string | undefined>>): void {
  const hash = readHash()
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined || value === '') hash.delete(name)
    else hash.set(name, value)
  }
  history.replaceState(null, '', `#${hash.toString()}`)
}

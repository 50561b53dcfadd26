import type { GuardianWord } from '../../format.js'
import type { Process, TraceModel } from './model.js'

/**
 * Reads what the guardian wrote after the worker's death: when it died, what was killed, and what was in the workspace.
 */
export function readDeath(lines: readonly string[], model: TraceModel, processes: Iterable<Process>): void {
  const files: { path: string; size: number }[] = []
  const spared = new Set<number>()
  const all = [...processes]
  const read: Readonly<Record<GuardianWord, (rest: string) => void>> = {
    to: () => {},
    died(rest) {
      const t = (Number.parseFloat(rest) - (model.meta.uptime ?? 0)) * 1000
      model.died = Number.isFinite(t) && t > 0 ? t : undefined
      model.isInterrupted = true
    },
    killed(text) {
      const number = Number(text)
      for (const process of all) {
        const isMeant = process.pid === number || process.group === -number
        if (!isMeant || process.end !== undefined) continue
        process.finding = { outcome: 'SIGKILL', place: 'killed by the guardian' }
        process.end = model.died
      }
    },
    spared: (pid) => spared.add(Number(pid)),
    file(rest) {
      const [size, ...words] = rest.split(' ')
      const path = words.join(' ')
      const folder = `${model.meta.workspace}/`
      if (path.startsWith(folder)) files.push({ path: path.slice(folder.length), size: Number(size) })
    },
  }
  for (const line of lines) {
    const space = line.indexOf(' ')
    const word = space < 0 ? line : line.slice(0, space)
    if (Object.hasOwn(read, word)) read[word as GuardianWord](space < 0 ? '' : line.slice(space + 1))
  }
  if (files.length > 0) model.files = files
  if (!model.isInterrupted) return
  // The guardian looked until nothing was left. So what it did not kill had already gone.
  for (const process of all) if (!spared.has(process.pid)) process.end ??= model.died
}

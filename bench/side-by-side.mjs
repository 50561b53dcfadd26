import { Bench } from 'tinybench'

const quiet = process.argv.includes('--json')

/**
 * Runs tasks in turns, several rounds of each, and gives the medians in ms. In turns, because this machine's mood changes
 * within seconds, and a ratio of two moods says nothing.
 */
export async function sideBySide(tasks, { rounds = 5, time = 300, iterations = 10 } = {}) {
  const samples = Object.fromEntries(Object.keys(tasks).map((name) => [name, []]))
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, task] of Object.entries(tasks)) {
      const bench = new Bench({
        time,
        iterations,
        warmup: round === 0,
        warmupTime: 100,
        warmupIterations: 3,
        retainSamples: true,
        throws: true,
      })
      bench.add(name, task.run ?? task, { beforeEach: task.beforeEach, afterEach: task.afterEach })
      await bench.run()
      const { result } = bench.tasks[0]
      samples[name].push(...(result.latency.samples ?? [result.latency.p50]))
    }
  }
  return Object.fromEntries(Object.entries(samples).map(([name, all]) => [name, summary(all)]))
}

export function summary(samples) {
  const sorted = samples.toSorted((a, b) => a - b)
  const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]
  return { median: at(0.5), low: at(0.1), high: at(0.9), count: sorted.length }
}

export function say(line = '') {
  if (!quiet) process.stdout.write(`${line}\n`)
}

/** A table of medians, with each one's ratio to the first. */
export function print(title, results, goal = {}) {
  say(`\n${title}`)
  const [[, base]] = Object.entries(results)
  for (const [name, { median, low, high }] of Object.entries(results)) {
    const ratio = (median / base.median).toFixed(2)
    const wish = goal[name] === undefined ? '' : `   goal ${goal[name]}`
    say(
      `  ${name.padEnd(52)} ${median.toFixed(2).padStart(8)} ms  (${low.toFixed(2)} to ${high.toFixed(2)})  ${ratio.padStart(6)} x${wish}`,
    )
  }
}

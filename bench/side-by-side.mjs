import { Bench } from 'tinybench'

const quiet = process.argv.includes('--json')

/**
 * Runs tasks in turns, several rounds of each, and returns the medians in ms. They take turns because the speed of this
 * machine changes within seconds, and a ratio of two speeds says nothing.
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

/** Prints a table of medians, each with its ratio to the first. */
export function print(title, results, wishes = {}) {
  say(`\n${title}`)
  const [[, base]] = Object.entries(results)
  for (const [name, { median, low, high }] of Object.entries(results)) {
    const ratio = (median / base.median).toFixed(2)
    const wish = wishes[name] === undefined ? '' : `   goal ${wishes[name]}`
    say(
      `  ${name.padEnd(52)} ${median.toFixed(2).padStart(8)} ms  (${low.toFixed(2)} to ${high.toFixed(2)})  ${ratio.padStart(6)} x${wish}`,
    )
  }
}

/** The goals of DESIGN.md, section 10, with what this run measured. */
export const goals = []

/** Notes a ratio and its goal: `at most` it, or `at least` it. */
export function goal(name, ratio, wish, limit) {
  const isMet = wish === 'at most' ? ratio <= limit : ratio >= limit
  // On a machine with little else to do, no noise explains twice the goal, because both sides of a ratio met the same.
  // A time alone only shows how busy the machine is, so it is printed and fails nothing.
  const isTime = /^(?:µs|ms) /.test(name)
  const isFarOff = !isTime && (wish === 'at most' ? ratio > limit * 2 : ratio < limit / 2)
  goals.push({ name, ratio, wish, limit, isMet, isFarOff })
}

/** The part of a processor that this process gets if it wants a whole one: less than 1 beside other busy programs. */
export function processorShare() {
  const [begin, before] = [performance.now(), process.cpuUsage()]
  while (performance.now() - begin < 300);
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / (performance.now() - begin)
}

/** Whether only the short form is wanted, with fewer rounds and fewer rows. */
export const isShort = process.argv.includes('--short')

export function printGoals() {
  if (goals.length === 0) return
  say('\nGoals')
  for (const { name, ratio, wish, limit, isMet } of goals) {
    say(`  ${isMet ? 'met    ' : 'not met'}  ${name.padEnd(74)} ${ratio.toFixed(2).padStart(7)}   ${wish} ${limit}`)
  }
}

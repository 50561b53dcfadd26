// Draws the curves of scaling.mjs and worker-size.mjs. Both axes are logarithmic, with 0 at the left.

const width = 380
const height = 240
const margin = { left: 68, right: 92, top: 44, bottom: 44 }

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const short = (number) => (number >= 1 ? String(Math.round(number * 10) / 10) : String(Number(number.toPrecision(1))))

function panel({ title, x, points, lines }) {
  const sizes = points.map(({ size }) => size)
  const at = (size) => Math.log10(Math.max(size, sizes.find((each) => each > 0) / 2))
  const [left, right] = [at(sizes[0]), at(sizes.at(-1))]
  const values = points.flatMap((point) => lines.map(({ key }) => point[key]))
  const [low, high] = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))]
  const toX = (size) => margin.left + ((at(size) - left) / (right - left)) * width
  const toY = (value) => margin.top + height - ((Math.log10(value) - low) / (high - low)) * height
  const parts = [`<text class="title" x="${margin.left}" y="20">${escape(title)}</text>`]
  for (let power = low; power <= high; power += 1) {
    const y = toY(10 ** power).toFixed(1)
    parts.push(`<line class="grid" x1="${margin.left}" x2="${margin.left + width}" y1="${y}" y2="${y}"/>`)
    parts.push(
      `<text class="tick" x="${margin.left - 8}" y="${y}" dy="4" text-anchor="end">${short(10 ** power)} ms</text>`,
    )
  }
  for (const size of sizes) {
    const text = `<text class="tick" x="${toX(size).toFixed(1)}" y="${margin.top + height + 18}" text-anchor="middle">${size}</text>`
    parts.push(text)
  }
  parts.push(
    `<text class="tick" x="${margin.left + width / 2}" y="${margin.top + height + 36}" text-anchor="middle">${escape(x)}</text>`,
  )
  for (const { key, name, className } of lines) {
    const path = points.map((point) => `${toX(point.size).toFixed(1)},${toY(point[key]).toFixed(1)}`)
    const last = points.at(-1)
    parts.push(`<polyline class="${className}" points="${path.join(' ')}"/>`)
    for (const point of path) {
      const [cx, cy] = point.split(',')
      parts.push(`<circle class="${className}" cx="${cx}" cy="${cy}" r="3"/>`)
    }
    parts.push(
      `<text class="name ${className}" x="${toX(last.size) + 8}" y="${toY(last[key]).toFixed(1)}" dy="4">${escape(name)}</text>`,
    )
  }
  return parts.join('\n')
}

/** What a start costs, by the memory of the worker. */
export function workerSizePanels(points) {
  const lines = (part) => [
    { key: `${part}Node`, name: 'child_process', className: 'basic' },
    { key: `${part}Execa`, name: 'execa', className: 'floor' },
    { key: `${part}Proctor`, name: 'proctor', className: 'strict' },
  ]
  const x = 'megabytes that the worker holds'
  return [
    panel({ title: 'A start stops the event loop for', x, points, lines: lines('stop') }),
    panel({ title: 'One cycle: workspace, start, kill, clean', x, points, lines: lines('cycle') }),
  ]
}

export function plot({ own, foreign, workerSize }, machine) {
  const [third, fourth] = workerSizePanels(workerSize)
  const total = margin.left + width + margin.right
  const whole = margin.top + height + margin.bottom
  const first = panel({
    title: 'Kill and verify a tree',
    x: 'processes in the tree',
    points: own,
    lines: [
      { key: 'ours', name: 'strict', className: 'strict' },
      { key: 'floor', name: 'C, no proof', className: 'floor' },
    ],
  })
  const second = panel({
    title: 'One cycle: workspace, start, kill, verify, clean',
    x: 'foreign processes on the machine',
    points: foreign,
    lines: [
      { key: 'basic', name: 'basic', className: 'basic' },
      { key: 'strict', name: 'strict', className: 'strict' },
    ],
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${total * 2} ${whole * 2 + 24}" font-family="system-ui, sans-serif" font-size="12">
<style>
  .title { font-size: 14px; font-weight: 600; fill: #24292f }
  .tick, .machine { fill: #57606a }
  .grid { stroke: #d0d7de }
  polyline { fill: none; stroke-width: 2 }
  .strict { stroke: #0969da } circle.strict, .name.strict { fill: #0969da; stroke: none }
  .basic { stroke: #bc4c00 } circle.basic, .name.basic { fill: #bc4c00; stroke: none }
  .floor { stroke: #6e7781 } circle.floor, .name.floor { fill: #6e7781; stroke: none }
  @media (prefers-color-scheme: dark) {
    .title { fill: #e6edf3 } .tick, .machine { fill: #9198a1 } .grid { stroke: #3d444d }
    .strict { stroke: #58a6ff } circle.strict, .name.strict { fill: #58a6ff }
    .basic { stroke: #f0883e } circle.basic, .name.basic { fill: #f0883e }
    .floor { stroke: #9198a1 } circle.floor, .name.floor { fill: #9198a1 }
  }
</style>
<g>${first}</g>
<g transform="translate(${total} 0)">${second}</g>
<g transform="translate(0 ${whole})">${third}</g>
<g transform="translate(${total} ${whole})">${fourth}</g>
<text class="machine" x="${margin.left}" y="${whole * 2 + 12}">${escape(machine)}</text>
</svg>
`
}

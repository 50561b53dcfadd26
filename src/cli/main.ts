import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { escapeControls } from '../base/escape.js'

const help = `proctor: what test runs left on this machine

Usage
  proctor run     run a command, end and name what it leaves: proctor run --help
  proctor ps      list processes that run under proctor although their test worker is gone,
                  and workspaces that nobody owns any more
  proctor sweep   kill the processes and remove the workspaces

Options
  --json          for machines
  -h, --help      this text
  --version       its version

Exit codes
  0   nothing was there; after sweep: nothing is left
  1   ps: something is there. sweep: something could not be ended
  2   the command line is wrong

Only what carries proctor's mark, made by this user since this boot in this pid namespace,
is looked at. Processes of a test run that still goes on are never touched.
`

const options = {
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', default: false },
} as const

/** The package's own version, from the package.json above the bundle. */
function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

/** Prints what is wrong with a command line. */
function refuse(reason: string): number {
  process.stderr.write(
    `proctor: ${reason} Accepted are \`proctor run\`, \`proctor ps\` and \`proctor sweep\`, with --json or --help.\n`,
  )
  return 2
}

export async function main(args: string[]): Promise<number> {
  // Loaded alone: ps and sweep do not need it, and its command must not wait for what they need.
  if (args[0] === 'run') await (await import('../supervisor/main.js')).main(args.slice(1))
  // Not strict: our own message says what is accepted.
  const { values, positionals, tokens } = parseArgs({ args, options, strict: false, tokens: true })
  if (values.help === true) return write(help)
  if (values.version === true) return write(`${version()}\n`)
  const unknown = tokens.find(
    (token) => token.kind === 'option' && (!(token.name in options) || token.value !== undefined),
  )
  const [command, ...rest] = positionals
  const wrong = unknown === undefined ? rest[0] : args[unknown.index]
  if (wrong === undefined && (command === 'ps' || command === 'sweep')) {
    const { ps, sweepAll } = await import('./orphans.js')
    return command === 'ps' ? ps(values.json === true) : sweepAll(values.json === true)
  }
  const named = wrong ?? command
  return refuse(named === undefined ? 'A command is missing.' : `Unknown: ${escapeControls(named)}.`)
}

function write(text: string): number {
  process.stdout.write(text)
  return 0
}

// `proctor run`: what it adds to a command, and what is left of six escapees under runners that know nothing of it. The
// runners run without it, with it, and with what Bun has.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endings, runners, tryOut } from './escapees.mjs'
import { goal, isShort, print, say, sideBySide } from './side-by-side.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const cli = join(root, 'dist/cli.cjs')
const peers = join(root, 'node_modules/.cache/proctor-run')

function installPeers() {
  if (existsSync(join(peers, 'node_modules/.bin/bun'))) return
  mkdirSync(peers, { recursive: true })
  writeFileSync(join(peers, 'package.json'), '{ "private": true }\n')
  const packages = ['bats@1', 'bun@1']
  const arguments_ = ['install', '--loglevel=error', '--no-audit', '--no-fund', ...packages]
  spawnSync('npm', arguments_, { cwd: peers, stdio: 'ignore' })
}

const isThere = ([file]) => spawnSync('sh', ['-c', 'command -v "$1"', 'sh', file]).status === 0

async function added() {
  const bare = () => void execFileSync('true')
  const contained = () => void execFileSync(process.execPath, [cli, 'run', '--', 'true'])
  const results = await sideBySide(
    {
      'true, bare': bare,
      'node -e 0': () => void execFileSync(process.execPath, ['-e', '0']),
      'proctor run -- true': contained,
    },
    { rounds: isShort ? 2 : 5 },
  )
  print('What `proctor run` adds to a command', results)
  const extra = results['proctor run -- true'].median - results['true, bare'].median
  goal('ms that proctor run adds to the bare command', extra, 'at most', 80)
  // A bare Node takes 40 ms on a quiet machine. On a busy one, the milliseconds say nothing, and this ratio still does.
  goal('what proctor run adds, in starts of a bare Node', extra / results['node -e 0'].median, 'at most', 2)
  return results
}

const shown = ({ alive, exit, output, number, seen }, wrapper) => {
  const how = exit.signal ?? exit.code
  const isNamed = output.includes(`sleep ${number}`)
  return `${alive} of ${seen} alive, ${how}${wrapper === 'proctor run' && isNamed ? ', named' : ''}`
}

async function table() {
  const rows = {}
  const all = Object.entries(runners(peers)).filter(([, command]) => isThere(command))
  for (const [name, command] of all) {
    for (const ending of endings) {
      const wrappers = ['nothing', ...(name === 'bun test' ? ['bun --no-orphans'] : []), 'proctor run']
      for (const wrapper of wrappers) {
        const trial = await tryOut(command, ending, wrapper)
        rows[`${name}, ${ending}, ${wrapper}`] = shown(trial, wrapper)
      }
    }
  }
  return rows
}

function printTable(rows) {
  say('\nSix escapees: how many are alive after the end, and how it exited')
  for (const [name, text] of Object.entries(rows)) {
    const [runner, ending, wrapper] = name.split(', ')
    say(`  ${runner.padEnd(16)} ${ending.padEnd(10)} ${wrapper.padEnd(18)} ${text}`)
  }
}

export async function run() {
  const times = await added()
  if (isShort) return { times }
  installPeers()
  const escapees = await table()
  printTable(escapees)
  return { times, escapees }
}

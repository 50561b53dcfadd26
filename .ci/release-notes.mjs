// `node .ci/release-notes.mjs v1.2.3` prints the changelog's section of this version, for a release. It fails when the
// tag, package.json and the changelog do not name the same version, or when the section has no date.
import { readFileSync } from 'node:fs'

const [tag] = process.argv.slice(2)
const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
const fail = (message) => {
  process.stderr.write(`release: ${message}\n`)
  process.exit(1)
}

if (tag !== `v${version}`) fail(`the tag is ${tag ?? 'missing'} and the version in package.json is ${version}`)
const sections = readFileSync('CHANGELOG.md', 'utf8').split(/^## /m).slice(1)
const section = sections.find((each) => each.startsWith(`${version} `))
if (section === undefined) fail(`CHANGELOG.md has no section ${version}`)
const [heading, ...lines] = section.split('\n')
if (!/\(\d{4}-\d{2}-\d{2}\)/.test(heading)) fail(`the section ${version} of CHANGELOG.md has no date: “${heading}”`)
process.stdout.write(`${lines.join('\n').trim()}\n`)

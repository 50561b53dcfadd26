// `node .ci/api.mjs` writes docs/api.md from the declarations of the build. `--check` fails when the page differs from
// what it would write.
import { readFileSync, writeFileSync } from 'node:fs'
import { parseSync } from 'rolldown/utils'

/** What a reader looks for first comes first. Names that are not listed follow in alphabetical order. */
const order = `createProctor Proctor ProctorOptions RunOptions TerminalOptions Process TerminalProcess ProcessGroup
  ProcessInfo Exit Screen Workspace FileTree executable symlink json freePort isAlive snapshotSerializer`.split(/\s+/)

const files = ['dist/types.d.cts', 'dist/index.d.ts']

/** The comment directly before a position: its text, what is thrown, and its example. */
function docBefore(text, position) {
  const before = text.slice(0, position).trimEnd()
  if (!before.endsWith('*/')) return { lines: [], throws: [], example: undefined }
  const comment = before.slice(before.lastIndexOf('/**') + 3, -2)
  const all = comment.split('\n').map((line) => line.replace(/^\s*\* ?/, '').trimEnd())
  const [description = '', ...tags] = all.join('\n').trim().split(/^@/m)
  const tag = (name) => tags.filter((each) => each.startsWith(name)).map((each) => each.slice(name.length).trim())
  return {
    lines: [description.trim(), ...tag('returns').map((each) => `Returns ${each}`)].filter((each) => each !== ''),
    throws: tag('throws').map((each) => each.replaceAll(/\{(\w+)\}/g, '`$1`').replaceAll(/\s*\n\s*/g, ' ')),
    example: tag('example')[0],
  }
}

const joined = (text) => text.replaceAll(/\s*\n\s*/g, ' ')

function formatDoc({ lines, throws, example }) {
  const parts = lines.map(joined)
  if (throws.length > 0) parts.push(throws.map((each) => `- throws ${each}`).join('\n'))
  if (example !== undefined) parts.push(`\`\`\`ts fragment\n${example}\n\`\`\``)
  return parts
}

const signature = (text, { start, end }) =>
  text
    .slice(start, end)
    .replace(/^(?:export |declare |abstract )+/, '')
    .replaceAll(/\/\*\*[^]*?\*\/\s*/g, '')
    .replace(/;$/, '')
    .replaceAll(/\s*\n\s*/g, ' ')

function formatMembers(text, members) {
  return members.flatMap((member) => {
    const doc = docBefore(text, member.start)
    return [`**\`${signature(text, member).replace(/^readonly /, '')}\`**`, ...formatDoc(doc)]
  })
}

function formatDeclaration(text, node) {
  const doc = formatDoc(docBefore(text, node.start))
  const body = node.body?.body
  if (node.type === 'TSInterfaceDeclaration') {
    const above = (node.extends ?? []).map((each) => `\`${text.slice(each.start, each.end)}\``).join(', ')
    return [...doc, ...(above === '' ? [] : [`Has all of ${above}, and:`]), ...formatMembers(text, body)]
  }
  if (node.type === 'ClassDeclaration') {
    const fields = body.filter(({ type, key }) => type === 'PropertyDefinition' && key?.name !== 'name')
    const above = node.superClass === null ? '' : `A \`${text.slice(node.superClass.start, node.superClass.end)}\`.`
    return [...doc, above, ...formatMembers(text, fields)].filter((part) => part !== '')
  }
  const shown = signature(text, node)
  return [
    ...doc.slice(0, 1),
    `\`\`\`ts fragment\n${node.type === 'TSTypeAliasDeclaration' ? shown : `declare ${shown}`}\n\`\`\``,
    ...doc.slice(1),
  ]
}

const declarations = new Map()
const exported = new Set()
for (const file of files) {
  const text = readFileSync(file, 'utf8')
  const { program } = parseSync(file, text)
  for (const statement of program.body) {
    for (const { exported: name } of statement.specifiers ?? []) {
      if (file === 'dist/index.d.ts' && name !== undefined) exported.add(name.name)
    }
    const node = statement.declaration ?? statement
    const name = node.id?.name
    if (name !== undefined) declarations.set(name, [...(declarations.get(name) ?? []), { text, node }])
  }
}

const rank = (name) => {
  if (order.includes(name)) return order.indexOf(name)
  return name.endsWith('Error') ? order.length : order.length + 1
}
const names = [...exported].toSorted((a, b) => rank(a) - rank(b) || a.localeCompare(b))

const sections = names.flatMap((name) => {
  const found = declarations.get(name) ?? []
  return [`## ${name}`, ...found.flatMap(({ text, node }) => formatDeclaration(text, node))]
})

const page = `${[
  '# API',
  'Everything that `proctor` exports, from its declarations: `node .ci/api.mjs` writes this page. Times are in ms, sizes in bytes. What an option means in practice stands under [options](options.md), the matchers under [matchers](matchers.md).',
  `\`\`\`ts
// api.test.ts
import { createProctor, executable, isAlive, json } from 'proctor'
import { expect, test } from 'vitest'

test('the core works without a fixture of a runner', async () => {
  const proctor = await createProctor({ grace: 500 })
  await proctor.workspace.write({
    'settings.json': json({ greeting: 'hello' }),
    'bin/greet': executable('#!/bin/sh\\ncat settings.json; exec sleep 600'),
  })
  const greet = proctor.run('bin/greet')
  await greet.waitForOutput('hello')
  const pid = greet.pid!
  await proctor.teardown()
  expect(isAlive(pid)).toBe(false)
})
\`\`\``,
  ...sections,
  'Next: [errors](errors.md).',
].join('\n\n')}\n`

if (!process.argv.includes('--check')) writeFileSync('docs/api.md', page)
else if (readFileSync('docs/api.md', 'utf8') !== page) {
  process.stderr.write('docs/api.md is not what the declarations say: run `npm run build && node .ci/api.mjs`\n')
  process.exitCode = 1
}

// The last step of `npm run build`: a CommonJS declaration beside every ES module one.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

for (const entry of await readdir('dist', { recursive: true })) {
  if (!entry.endsWith('.d.ts')) continue
  const text = await readFile(join('dist', entry), 'utf8')
  const specifiers = text.replaceAll(/((?:from|import)\s*\(?\s*['"]\.[^'"]*)\.js(['"])/g, '$1.cjs$2')
  await writeFile(join('dist', entry.replace(/\.d\.ts$/, '.d.cts')), specifiers)
}

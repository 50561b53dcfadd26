#!/usr/bin/env node
// todo add TEXT | todo list | todo serve
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'

const [verb, text] = process.argv.slice(2)
const read = () => (existsSync('todo.txt') ? readFileSync('todo.txt', 'utf8') : '')

if (verb === 'add' && text !== undefined) appendFileSync('todo.txt', `${text}\n`)
else if (verb === 'list') process.stdout.write(read())
else if (verb === 'serve') createServer((_, response) => response.end(read())).listen(0, '127.0.0.1')
else {
  console.error('usage: todo add TEXT | todo list | todo serve')
  process.exitCode = 2
}

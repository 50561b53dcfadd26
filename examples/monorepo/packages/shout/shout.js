#!/usr/bin/env node
// Starts its neighbour and shouts what that says.
import { execFileSync } from 'node:child_process'

const greeting = execFileSync(process.execPath, [process.env.GREET, ...process.argv.slice(2)], { encoding: 'utf8' })
process.stdout.write(greeting.toUpperCase())

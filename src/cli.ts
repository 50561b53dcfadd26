#!/usr/bin/env node
import { main } from './cli/main.js'

const end = async (): Promise<void> => {
  process.exitCode = await main(process.argv.slice(2))
}

void end()

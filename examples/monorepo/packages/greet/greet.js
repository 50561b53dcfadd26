#!/usr/bin/env node
console.log(`Hello, ${process.argv[2] ?? 'world'}!`)

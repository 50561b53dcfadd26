import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { forOthers, inRoot } from '../inner-run.js'
import { makePipes, Pipe } from './witness.js'

/** A file of fixtures/programs/escapes. Another user runs some of them. */
export const programFile = (name: string): string => forOthers(inRoot(`fixtures/programs/escapes/${name}`))

let made: string | undefined

/** The folder is made when it is first needed, because not every file that imports this one removes it. */
function folder(): string {
  if (made === undefined) {
    made = mkdtempSync(join(tmpdir(), 'proctor-escapes-'))
    // Another user runs some of the programs.
    chmodSync(made, 0o755)
  }
  return made
}

/** A fresh path in the suite's own temporary folder, which lies outside every workspace. */
let counted = 0
export const temporaryPath = (name: string): string => join(folder(), `${(counted += 1)}-${name}`)

let pipes: string[] = []
/** A new named pipe. They are made a hundred at once. */
export function givenPipe(): Pipe {
  if (pipes.length === 0) {
    pipes = Array.from({ length: 100 }, () => temporaryPath('pipe'))
    makePipes(pipes)
  }
  return new Pipe(pipes.pop()!, true)
}

export function removePrograms(): void {
  if (made !== undefined) rmSync(made, { recursive: true, force: true })
}

function compiled(name: string): string {
  const binary = join(folder(), name.replace(/\.c$/, ''))
  if (!existsSync(binary)) execFileSync('cc', ['-O1', '-pthread', '-o', binary, programFile(name)])
  return binary
}

/** The command and the arguments that start a program. */
export function commandOf(program: string): readonly string[] {
  if (program.endsWith('.c')) return [compiled(program)]
  if (program.endsWith('.mjs')) return ['node', programFile(program)]
  if (program.endsWith('.sh')) return [/^(?:disowned|job-control)/.test(program) ? 'bash' : 'sh', programFile(program)]
  return [program]
}

/** The same program, owned by root and setuid: whoever starts it runs it as root. */
export function setuidRoot(program: string): string {
  const binary = compiled(program)
  chmodSync(binary, 0o4755)
  return binary
}

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { endFor, type Identity, isLive, untilIdentified } from './witness.js'
import { programFile } from './programs.js'

// They look like what the escape starts, and have nothing to do with it.

const seconds = '30'

/** A child of the test's, and an orphan of the test's, each leading a session of its own. */
export class Bystanders {
  private constructor(readonly each: readonly Identity[]) {}

  static async start(folder: string): Promise<Bystanders> {
    const escapee = programFile('escapee.sh')
    const files = ['child', 'orphan'].map((name) => join(folder, `${name}.pid`))
    spawn('sh', [escapee, files[0]!, seconds], { detached: true, stdio: 'ignore' })
    spawn('setsid', ['-f', 'sh', escapee, files[1]!, seconds], { detached: true, stdio: 'ignore' })
    return new Bystanders(await Promise.all(files.map(untilIdentified)))
  }

  get live(): readonly Identity[] {
    return this.each.filter(isLive)
  }

  async end(): Promise<void> {
    await Promise.all(this.each.map(endFor))
  }
}

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { childrenOf, wordsOf } from '../proc.js'
import { endFor, identify, type Identity, isLive, until, untilIdentified } from './witness.js'
import { programFile } from './programs.js'

// Bystanders look like what the escape starts, and have nothing to do with it.

const seconds = '30'

/** A child and an orphan of the test's own, each the leader of its own session. */
export class Bystanders {
  private constructor(readonly each: readonly Identity[]) {}

  static async start(folder: string): Promise<Bystanders> {
    const escapee = programFile('escapee.sh')
    const files = ['child', 'orphan'].map((name) => join(folder, `${name}.pid`))
    spawn('sh', [escapee, files[0]!, seconds], { detached: true, stdio: 'ignore' })
    spawn('setsid', ['-f', 'sh', escapee, files[1]!, seconds], { detached: true, stdio: 'ignore' })
    return new Bystanders(await Promise.all(files.map((file) => untilIdentified(file))))
  }

  get live(): readonly Identity[] {
    return this.each.filter(isLive)
  }

  async end(): Promise<void> {
    await Promise.all(this.each.map(endFor))
  }
}

/** A pid namespace that belongs to somebody else. */
export class OtherNamespace {
  private constructor(readonly first: Identity) {}

  static async start(): Promise<OtherNamespace> {
    const { pid } = spawn('unshare', ['--pid', '--fork', '--kill-child', 'sleep', seconds], { stdio: 'ignore' })
    const first = await until('the first process of a namespace', () => {
      const [child] = childrenOf(pid!)
      return child !== undefined && wordsOf(child)[0] === 'sleep' ? identify(child) : undefined
    })
    return new OtherNamespace(first)
  }

  end(): Promise<void> {
    return endFor(this.first)
  }
}

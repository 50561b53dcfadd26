import { holderOf } from '../../system/process-table/holder.js'
import { BroadcastChannel, isMainThread } from 'node:worker_threads'
import type { Containment, KillOutcome, Sighting, Survivor } from '../containment.js'
import { ContainmentError } from '../../base/errors.js'
import { newToken } from '../owner.js'
import { after } from '../../base/clock.js'
import { track, type Tracked } from '../root.js'
import { fromPlain, type Member, type PlainMember, type ProcessInfo, type Tree } from '../tree.js'

// A worker thread does not know its siblings' children, and the main thread adopts the orphans of all threads. So the
// main thread, where the global set-up runs, is the subreaper, and its threads ask it over a channel.

const variable = 'PROCTOR_THREADS'

/** ms that the main thread gets to answer, in addition to the time that the request itself may take. */
const patience = 20_000

type SentTree = Omit<Tree, Tracked | 'isHeld' | 'leaderExit' | 'site'>
type Sent<Found extends Member> = PlainMember & Omit<Found, keyof Member> & { readonly tree: string }

type Question =
  | { readonly type: 'enter'; readonly fixture: string; readonly outside: string }
  | { readonly type: 'leave'; readonly fixture: string }
  | { readonly type: 'add'; readonly tree: SentTree }
  | { readonly type: 'remove'; readonly mark: string }
  | { readonly type: 'look'; readonly id: string; readonly trees: readonly string[] }
  | {
      readonly type: 'kill'
      readonly id: string
      readonly trees: readonly string[]
      readonly timeout: number
      readonly exempt: readonly Sent<Member>[]
    }

type Answer = { readonly type: 'answer'; readonly id: string } & (
  | { readonly sighting: Omit<Sighting, 'members'> & { readonly members: readonly Sent<Member>[] } }
  | {
      readonly outcome: {
        readonly survivors: readonly Sent<Survivor>[]
        readonly killed: readonly Sent<Member>[]
        readonly unattributed: readonly ProcessInfo[]
      }
    }
  | { readonly failure: string }
)

const pack = (member: Member): Sent<Member> => ({ ...member.describe(), tree: member.tree.mark })

const packSurvivor = (survivor: Survivor): Sent<Survivor> => ({
  ...pack(survivor),
  owner: survivor.owner,
  reason: survivor.reason,
})

const packTree = (tree: Tree): SentTree => {
  const { identity, mark, locks, owner, leadsGroup, workspace, groupIsGone } = tree
  return { identity, mark, locks, owner, leadsGroup, workspace, streams: new Set(tree.streams), groupIsGone }
}

const unpackTree = (sent: SentTree): Tree =>
  track({
    ...sent,
    // The thread's libuv waits for it. In this thread only the process table tells.
    isHeld: () => holderOf(sent.identity) !== undefined,
  })

/** The name of this process's channel, if its main thread is the subreaper for its threads. */
export function findHost(): string | undefined {
  const name = process.env[variable]
  return !isMainThread && name?.startsWith(`proctor-${process.pid}-`) ? name : undefined
}

/** The containment of the main thread. */
interface Host extends Containment {
  /** What a thread starts by itself carries a variable of this name. */
  addOutside(name: string): void
}

/** The main thread's side: answers its threads until the returned function is called. */
export function openHost(strict: Host): () => void {
  const name = `proctor-${process.pid}-${newToken()}`
  const channel = new BroadcastChannel(name)
  const trees = new Map<string, Tree>()
  const own = (marks: readonly string[]): Tree[] => marks.flatMap((mark) => trees.get(mark) ?? [])
  const unpack = (sent: readonly Sent<Member>[]): Member[] =>
    sent.flatMap((member) => {
      const tree = trees.get(member.tree)
      return tree === undefined ? [] : [unpackMember(member, tree)]
    })

  const answer = async (question: Question): Promise<Answer | undefined> => {
    switch (question.type) {
      case 'enter':
        strict.addOutside(question.outside)
        strict.enter(question.fixture)
        return undefined
      case 'leave':
        for (const [mark, tree] of trees) if (tree.owner.fixture === question.fixture) trees.delete(mark)
        strict.leave(question.fixture)
        return undefined
      case 'add': {
        const tree = unpackTree(question.tree)
        trees.set(tree.mark, tree)
        strict.add(tree)
        return undefined
      }
      case 'remove':
        for (const tree of own([question.mark])) strict.remove(tree)
        trees.delete(question.mark)
        return undefined
      case 'look': {
        const sighting = await strict.look(own(question.trees))
        return { type: 'answer', id: question.id, sighting: { ...sighting, members: sighting.members.map(pack) } }
      }
      case 'kill': {
        const { survivors, killed, unattributed } = await strict.kill(
          own(question.trees),
          question.timeout,
          unpack(question.exempt),
        )
        const outcome = { survivors: survivors.map(packSurvivor), killed: killed.map(pack), unattributed }
        return { type: 'answer', id: question.id, outcome }
      }
    }
  }
  channel.onmessage = (event) => {
    const question = (event as { data: Question | Answer }).data
    if (question.type === 'answer') return
    answer(question).then(
      (result) => {
        if (result !== undefined) channel.postMessage(result)
      },
      (error: unknown) => {
        const id = 'id' in question ? question.id : ''
        channel.postMessage({ type: 'answer', id, failure: String(error) } satisfies Answer)
      },
    )
  }
  channel.unref()
  // From now on, not from the first request: a thread's first command may be quicker than that.
  strict.enter(name)
  process.env[variable] = name
  return () => {
    delete process.env[variable]
    strict.leave(name)
    channel.close()
  }
}

/** The thread's side: strict containment by asking the main thread. */
export class RemoteContainment implements Containment {
  readonly level = 'strict'
  readonly #channel: BroadcastChannel
  readonly #outside: string
  readonly #asked = new Map<string, { resolve(answer: Answer): void; reject(error: Error): void }>()

  constructor(host: string, outside: string) {
    this.#outside = outside
    this.#channel = new BroadcastChannel(host)
    this.#channel.onmessage = (event) => {
      const answer = (event as { data: Question | Answer }).data
      if (answer.type === 'answer') this.#asked.get(answer.id)?.resolve(answer)
    }
    this.#channel.unref()
  }

  close(): void {
    this.#channel.close()
  }

  enter(fixture: string): void {
    this.#say({ type: 'enter', fixture, outside: this.#outside })
  }

  leave(fixture: string): void {
    this.#say({ type: 'leave', fixture })
  }

  add(tree: Tree): void {
    this.#say({ type: 'add', tree: packTree(tree) })
  }

  remove(tree: Tree): void {
    this.#say({ type: 'remove', mark: tree.mark })
  }

  async look(trees: readonly Tree[]): Promise<Sighting> {
    const id = newToken()
    const answer = await this.#ask(id, { type: 'look', id, trees: trees.map(({ mark }) => mark) }, 0)
    if (!('sighting' in answer)) throw this.#failure(answer)
    return { ...answer.sighting, members: unpackAll(answer.sighting.members, trees) }
  }

  async kill(trees: readonly Tree[], timeout: number, exempt: readonly Member[] = []): Promise<KillOutcome> {
    const id = newToken()
    const marks = trees.map(({ mark }) => mark)
    const question: Question = { type: 'kill', id, trees: marks, timeout, exempt: exempt.map(pack) }
    const answer = await this.#ask(id, question, timeout)
    if (!('outcome' in answer)) throw this.#failure(answer)
    const { survivors, killed, unattributed } = answer.outcome
    return { survivors: unpackAll(survivors, trees), killed: unpackAll(killed, trees), unattributed }
  }

  #failure(answer: Answer): ContainmentError {
    return new ContainmentError(
      `The main thread could not answer: ${'failure' in answer ? answer.failure : 'nonsense'}`,
    )
  }

  #say(question: Question): void {
    this.#channel.postMessage(question)
  }

  async #ask(id: string, question: Question, timeout: number): Promise<Answer> {
    let cancel = (): void => {}
    try {
      return await new Promise<Answer>((resolve, reject) => {
        this.#asked.set(id, { resolve, reject })
        cancel = after(timeout + patience, () =>
          reject(
            new ContainmentError('The main thread, which is the subreaper of its worker threads, did not answer.'),
          ),
        )
        this.#say(question)
      })
    } finally {
      cancel()
      this.#asked.delete(id)
    }
  }
}

const unpackMember = ({ tree: _mark, ...plain }: Sent<Member>, tree: Tree): Member => fromPlain(plain, tree)

const unpackAll = <Found extends Member>(sent: readonly Sent<Found>[], trees: readonly Tree[]): Found[] =>
  sent.flatMap((member) => {
    const tree = trees.find(({ mark }) => mark === member.tree)
    return tree === undefined ? [] : [unpackMember(member, tree) as Found]
  })

import { circus, type CircusHook, type CircusTest, type DescribeBlock } from './circus.js'

// All changes that this package makes to jest-circus, where there is no public way: hooks run in the order of their
// definition, and a concurrent test has none. Tried on Jest 29.7.0 and 30.2 to 30.5.

/** Our hooks that run after the user's, with their ranks. The highest rank runs last. */
const ranks = new WeakMap<CircusHook, number>()

/**
 * Adds a hook to the whole file that runs after all hooks of its type, even those that the file defines later. Jest
 * runs the hooks of a block in the order of their definition.
 */
export function runLast(
  type: 'afterEach' | 'afterAll',
  fn: () => unknown,
  { timeout, rank }: { readonly timeout: number; readonly rank: number },
): CircusHook {
  const { rootDescribeBlock: root } = circus()
  const hook: CircusHook = {
    type,
    fn,
    parent: root,
    asyncError: new Error(`proctor: ${type}`),
    seenDone: false,
    timeout,
  }
  ranks.set(hook, rank)
  const isOrdered = Object.hasOwn(root.hooks, 'push')
  root.hooks.push(hook)
  order(root.hooks)
  if (isOrdered) return hook
  Object.defineProperty(root.hooks, 'push', {
    value: (...added: CircusHook[]): number => {
      const length = Array.prototype.push.apply(root.hooks, added)
      order(root.hooks)
      return length
    },
  })
  return hook
}

/** Puts the user's hooks first, in their own order, and ours after them, by rank. */
function order(hooks: CircusHook[]): void {
  const rankOf = (hook: CircusHook): number => ranks.get(hook) ?? 0
  // The sort is stable.
  hooks.sort((a, b) => rankOf(a) - rankOf(b))
}

/** Adds a hook to the whole file that runs before all others of its type. */
export function runFirst(type: 'beforeAll', fn: () => unknown): void {
  const { rootDescribeBlock: root } = circus()
  const asyncError = new Error(`proctor: ${type}`)
  root.hooks.unshift({ type, fn, parent: root, asyncError, seenDone: false, timeout: undefined })
}

/** Wraps the function of each concurrent test of the file, even of those defined later: Jest runs no hooks for them. */
export function wrapConcurrent(wrap: (test: CircusTest, fn: () => unknown) => () => unknown): void {
  const visit = (child: DescribeBlock | CircusTest): void => {
    if (child.type === 'describeBlock') {
      watch(child)
    } else if (child.concurrent === true && child.fn !== undefined) {
      child.fn = wrap(child, child.fn)
    }
  }
  const watch = (block: DescribeBlock): void => {
    block.children.forEach(visit)
    const { push } = block.children
    Object.defineProperty(block.children, 'push', {
      configurable: true,
      value: (...added: (DescribeBlock | CircusTest)[]): number => {
        added.forEach(visit)
        // Both the fixtures and a guard may wrap.
        return push.apply(block.children, added)
      },
    })
  }
  watch(circus().rootDescribeBlock)
}

type EventHandler = (...parameters: unknown[]) => unknown

/**
 * Calls `onBegin` whenever the runner passes an event to the user's test environment, and calls what that returns when
 * the environment is done with it. Jest 29 does not give access to its event handlers.
 */
export function listenToEnvironment(onBegin: () => () => void): void {
  const shelf = globalThis as unknown as Record<symbol, EventHandler[] | undefined>
  const handlers = shelf[Symbol.for('EVENT_HANDLERS')] ?? []
  const at = handlers.findIndex(({ name }) => name === 'bound handleTestEvent')
  const handler = handlers[at]
  if (handler === undefined) return
  handlers[at] = (...parameters) => {
    const done = onBegin()
    let result: unknown
    try {
      result = handler(...parameters)
    } finally {
      // The runner does not wait for most events. For the others it waits, and so may the environment.
      if (!isPromise(result)) done()
    }
    return isPromise(result) ? Promise.resolve(result).finally(done) : result
  }
}

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function'

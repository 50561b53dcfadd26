import * as vitest from 'vitest'
import { Guard } from './fixture/guard.js'
import { fromEnvironment, type GuardOptions } from './fixture/guard-options.js'

export type { GuardOptions } from './fixture/guard-options.js'
export type { GuardFinding, GuardOrigin, GuardReport } from './fixture/guard-report.js'

declare module 'vitest' {
  interface ProvidedContext {
    proctorGuard?: GuardOptions
  }
}

interface Task {
  readonly name: string
  readonly concurrent?: boolean
  readonly suite?: Task
  readonly file?: Task
  readonly fullTestName?: string
  onFinished?: unknown[]
}

interface Hooks {
  readonly aroundEach?: readonly unknown[]
}

/** What is not in every version of Vitest that is supported. */
interface Runner {
  readonly prototype: {
    importFile?: (path: string, source: string) => unknown
    onCollectStart?: (file: unknown) => unknown
  }
  getCurrentTest?(): Task | undefined
  getSuiteHooks?(suite: unknown): Hooks | undefined
}
type AroundAll = (hook: (run: () => Promise<void>) => Promise<void>, timeout?: number) => void
const optional = vitest as unknown as { readonly TestRunner?: Runner; readonly aroundAll?: AroundAll }
const runnerClass = optional.TestRunner

/** ms in which a look at the end must be over, whatever happens, on top of `leakTimeout`. */
const patience = 30_000

interface Suite {
  getCurrentTest(): Task | undefined
}
const suite = runnerClass === undefined ? ((await import('vitest/suite')) as unknown as Suite) : undefined
const currentTest = (): Task | undefined => runnerClass?.getCurrentTest?.() ?? suite?.getCurrentTest()

const nameOf = (task: Task): string => {
  const names: string[] = []
  for (let each: Task | undefined = task; each !== undefined && each.name !== ''; each = each.suite) {
    names.unshift(each.name)
  }
  return names.join(' > ')
}

/** The file is above the outermost `describe`. */
const blockAbove = (block: Task): Task | undefined => (block.file === block ? undefined : block.file)

/** Whether a hook of the user's goes around this test, and ends later than everything else of it. */
function isSurrounded(task: Task): boolean {
  for (let block = task.suite ?? task.file; block !== undefined; block = block.suite ?? blockAbove(block)) {
    if ((runnerClass?.getSuiteHooks?.(block)?.aroundEach?.length ?? 0) > 0) return true
  }
  return false
}

let active: Guard | undefined

/** Begins to guard the file that is being collected. */
function begin(): Guard {
  const begun = new Guard(
    {
      currentTest,
      isConcurrent: (task) => (task as Task).concurrent === true,
      nameOf: (task) => nameOf(task as Task),
    },
    [fromEnvironment(process.env), vitest.inject('proctorGuard')],
  )
  // Around everything: what a hook or a fixture of the file holds is let go of before.
  if (optional.aroundAll !== undefined) {
    optional.aroundAll(async (run) => {
      await run()
      await end(begun)
    }, patience)
  } else {
    vitest.beforeAll(() => () => end(begun), patience)
  }
  vitest.beforeEach(async ({ task, onTestFinished }) => {
    const own = task as unknown as Task
    await begun.beginTest(task, { isDeferred: isSurrounded(own) })
    onTestFinished(() => begun.endTest(task), patience)
    // They run in reverse order, and fixtures have been set up before this hook: first in the list is last.
    const last = own.onFinished?.pop()
    if (last !== undefined) own.onFinished?.unshift(last)
  })
  return begun
}

async function end(begun: Guard): Promise<void> {
  if (active === begun) active = undefined
  await begun.endFile()
}

/**
 * Sets options: in one's own setup file or at the top of a test file for the file, inside a test for that test.
 *
 * @throws {TypeError} on an option that is unknown or of the wrong type.
 * @example
 * // vitest.setup.ts
 * import { guard } from 'proctor/vitest/guard'
 * guard({ mode: 'warn', allow: [/gradle/] })
 */
export function guard(options: GuardOptions = {}): void {
  active ??= begin()
  active.say(options)
}

active = begin()

// Without isolation this module is loaded once for many files, and their hooks are its to register. In a pool of
// contexts it is loaded anew for each, and the newest one counts.
interface Shared {
  startFile(): void
  startSetup(): void
}

function share(prototype: Runner['prototype'], own: Shared): void {
  const key = Symbol.for('proctor.guard.1')
  const shelf = prototype as unknown as Record<symbol, Shared | undefined>
  const isPatched = shelf[key] !== undefined
  shelf[key] = own
  const { importFile, onCollectStart } = prototype
  if (isPatched || importFile === undefined || onCollectStart === undefined) return
  prototype.onCollectStart = function (file) {
    shelf[key]?.startFile()
    return onCollectStart.call(this, file)
  }
  prototype.importFile = function (path, source) {
    if (source === 'setup') shelf[key]?.startSetup()
    return importFile.call(this, path, source)
  }
}

if (runnerClass !== undefined) {
  share(runnerClass.prototype, {
    startFile() {
      // Of a file none of whose tests ran, no hook did.
      active?.abandon()
      active = undefined
    },
    startSetup() {
      active ??= begin()
    },
  })
}

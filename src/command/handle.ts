import { leadingBack } from '../base/call-site.js'
import { Handles, type HandleSettings } from '../base/handle.js'
import { CommandProcess, noteAwaited } from './command-process.js'
import type { Process } from './process.js'

const inside = Symbol.for('proctor.command.1')

/** The members of the public interface. There is no other list of them. */
export const processMembers = {
  command: 'shown',
  pid: 'shown',
  running: 'shown',
  exitCode: 'shown',
  exitSignal: 'shown',
  output: 'value',
  stdout: 'value',
  stderr: 'value',
  group: 'value',
  tree: 'method',
  mark: 'method',
  snapshot: 'method',
  waitForOutput: 'method',
  waitForExit: 'method',
  waitForSuccessfulExit: 'method',
  waitForPort: 'method',
  waitForHttp: 'method',
  write: 'method',
  endInput: 'method',
  signal: 'method',
  terminate: 'method',
  kill: 'method',
  loseParent: 'method',
  [Symbol.asyncDispose]: 'method',
} as const satisfies HandleSettings<Process, CommandProcess>['members']

/** Makes the class of handles for commands, with these members. */
export function commandHandles<Public extends Process, Inner extends CommandProcess>(
  name: string,
  members: HandleSettings<Public, Inner>['members'],
): Handles<Public, Inner> {
  const handles = new Handles<Public, Inner>({
    name,
    inside,
    members,
    print: (inner) => {
      const { command, pid, running } = inner
      const { exitCode, exitSignal } = inner.state()
      return { command, pid, running, exitCode, exitSignal }
    },
  })
  // oxlint-disable-next-line unicorn/no-thenable -- it gives undefined: a look at it is all that is wanted.
  Object.defineProperty(handles.prototype, 'then', {
    get(this: object) {
      return noteAwaited(commandOf(this))
    },
  })
  return handles
}

export const processHandles = commandHandles<Process, CommandProcess>('Process', processMembers)

/** Members of commands in a terminal. TypeScript does not let anybody call them on another command. */
for (const name of ['press', 'resize', 'waitForScreen']) {
  Object.defineProperty(processHandles.prototype, name, {
    value(this: object) {
      const { command } = commandOf(this) ?? { command: 'this command' }
      return leadingBack(() => {
        throw new TypeError(`${name}: ${command} has no terminal. Start it in one: run(…, { terminal: true }).`)
      })
    },
  })
}

/** The command behind a handle, whichever copy of this package made the handle. Undefined for anything else. */
export const commandOf = (subject: unknown): CommandProcess | undefined =>
  subject instanceof CommandProcess
    ? subject
    : (subject as { readonly [inside]?: CommandProcess } | null | undefined)?.[inside]

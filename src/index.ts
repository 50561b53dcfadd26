export { createProctor } from './fixture/create-proctor.js'
export type { Proctor, Run } from './fixture/types.js'
export type { Environment, ProctorOptions, RunOptions, TerminalOptions } from './fixture/options.js'
export type { CommandReport, Finding, Place, TeardownReport } from './report/teardown-report.js'
export type { Ending } from './command/termination.js'
export type { Exit, OutputWaitOptions, Process, Screen } from './command/process.js'
export type { Usage } from './command/usage.js'
export type { TerminalProcess } from './terminal/types.js'
export type { WaitOptions } from './wait/options.js'
export type { Key } from './terminal/keys.js'
export type { OutputPattern } from './wait/pattern.js'
export type { Sender, SentSignal } from './command/signal-log.js'
export type { OutputMark, OutputStream } from './command/output.js'
export { freePort } from './readiness/wait-for-http.js'
export type { HttpAnswer, HttpWaitOptions } from './readiness/http.js'
export type { SnapshotOptions } from './snapshot/normalise.js'
export { snapshotSerializer } from './matchers/serializer.js'
export type { SnapshotSerializer } from './matchers/serializer.js'
export { executable, json, symlink } from './workspace/file-tree.js'
export type { ExecutableFile, FileTree, SymbolicLink } from './workspace/file-tree.js'
export type { Workspace } from './workspace/workspace.js'
export type { ContainmentLevel } from './containment/containment.js'
export type { ProcessGroup } from './containment/process-group.js'
export type { ProcessInfo } from './containment/tree.js'
export { isAlive } from './system/signals.js'
export {
  AlreadyExitedError,
  CommandError,
  CommandTimeoutError,
  ContainmentError,
  FailedExitError,
  LeakedProcessError,
  MissingDependencyError,
  PidFileError,
  PortInUseError,
  ProctorError,
  SpawnError,
  UnexpectedExitError,
  WaitTimeoutError,
  WorkspaceError,
} from './base/errors.js'
export type { CommandState } from './base/errors.js'

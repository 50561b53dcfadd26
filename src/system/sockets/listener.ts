/** A socket that waits for connections. */
export interface Listener {
  /** Unique id (the inode). Where ids increase, the smaller one is the older socket. */
  readonly id: number
  /** `127.0.0.1`, `::`. For a unix socket, the path as it was bound, or `@name` if it is abstract. */
  readonly address: string
  /** undefined for a unix socket. */
  readonly port: number | undefined
  /** The id of the user who opened it, if known. */
  readonly owner: number | undefined
}

/** The listening sockets that some processes could have or see. */
export interface ListenerSight {
  readonly listeners: readonly Listener[]
  /** The pid of the process that holds it, by the listener's id. */
  readonly held: ReadonlyMap<number, number>
  /** Those of the processes whose sockets may not be looked at. */
  readonly unreadable: readonly number[]
}

export type ListenerKind = 'tcp' | 'unix'

export interface ListenerTable {
  /** Whether one of these processes has a socket. This is a quick check: without a socket, none of them listens. */
  hasSockets(pids: readonly number[]): boolean
  /** What listens in the network namespaces of these processes, and which of them hold it. */
  look(pids: readonly number[], kind: ListenerKind): Promise<ListenerSight>
  /** The processes that hold it, as far as they can be read. */
  holdersOf(listener: Listener): Promise<readonly number[]>
}

import { Buffer } from 'node:buffer'

/** What a program is started with, as execve(2) reads it. */
export interface ExecTexts {
  readonly file: string
  readonly args: readonly string[]
  /** Entries of the form `NAME=value`. */
  readonly env: readonly string[]
  readonly cwd?: string
}

/** The addresses of these texts. `args` and `env` are lists of addresses, which end with a null pointer. */
export interface ExecAddresses {
  readonly file: number
  readonly args: number
  readonly env: number
  readonly cwd: number
}

/** Memory, and its address. */
interface Place {
  readonly memory: Buffer
  /** The same memory, in words of 32 bits. */
  readonly halves: Uint32Array
  readonly base: number
}

const pointerSize = 8
/** Bytes that are kept for the next start. Larger memory is allocated anew each time. */
const keptSize = 64 * 1024

/** Lays texts out in memory. */
export class ExecMemory {
  readonly #addressOf: (memory: Uint8Array) => bigint
  #kept: Place | undefined
  #large: Place | undefined

  constructor(addressOf: (memory: Uint8Array) => bigint) {
    this.#addressOf = addressOf
  }

  /**
   * Writes all texts at once, each with a NUL at its end, and the lists of their addresses before them. They stay there
   * until the next call.
   *
   * @returns undefined if a text contains a NUL: execve(2) would cut it off there.
   */
  layOut({ file, args, env, cwd = '' }: ExecTexts): ExecAddresses | undefined {
    const texts = [...args, ...env, file, cwd]
    const text = `${texts.join('\0')}\0`
    const size = Buffer.byteLength(text)
    const begin = pointerSize * (args.length + env.length + 2)
    const { memory, halves, base } = this.#place(begin + size)
    memory.write(text, begin)
    const first = base + begin
    // In ASCII a text is as long as its bytes, and to search it is quicker than to search memory.
    const isAscii = size === text.length
    const endAfter = (at: number): number => (isAscii ? text.indexOf('\0', at) : memory.indexOf(0, begin + at) - begin)
    let at = 0
    let slot = 0
    const point = (address: number): void => {
      // The lower half comes first, because these calls are only made on little-endian machines.
      halves[slot] = address
      halves[slot + 1] = address / 2 ** 32
      slot += 2
    }
    for (const list of [args, env]) {
      for (let rest = list.length; rest > 0; rest -= 1) {
        point(first + at)
        at = endAfter(at) + 1
      }
      point(0)
    }
    const folder = endAfter(at) + 1
    if (endAfter(folder) + 1 !== size) return undefined
    return {
      file: first + at,
      args: base,
      env: base + pointerSize * (args.length + 1),
      cwd: first + folder,
    }
  }

  #place(size: number): Place {
    this.#large = size > keptSize ? this.#allocate(size) : undefined
    return this.#large ?? (this.#kept ??= this.#allocate(keptSize))
  }

  /** Memory that does not move. The contents of a small typed array may lie on the heap of JavaScript. */
  #allocate(size: number): Place {
    const bytes = new ArrayBuffer(size + (-size & 3))
    const memory = Buffer.from(bytes)
    return { memory, halves: new Uint32Array(bytes), base: Number(this.#addressOf(memory)) }
  }
}

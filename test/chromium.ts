import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { chromiumCommand } from './needs.js'

// Controls Debian's headless Chromium over the two pipes of its DevTools protocol.

type Parameters = Readonly<Record<string, unknown>>
interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: Parameters
  readonly result?: Parameters
  readonly error?: { readonly message: string }
  readonly sessionId?: string
}

/** One open page. */
export interface Page {
  /** The errors and violations that the page wrote to the console, and its requests for anything but itself. */
  readonly complaints: readonly string[]
  /** Returns the value of an expression in the page, whatever the page's policy forbids. */
  evaluate<Value>(expression: string): Promise<Value>
  /** Presses a key, including the text that it types. */
  press(key: string): Promise<void>
  /** A PNG of the visible part of the page. */
  screenshot(): Promise<Buffer>
}

/** The key codes of keys that the browser itself handles. */
const keyCodes: Readonly<Record<string, number>> = { Enter: 13, Escape: 27 }

export interface PageOptions {
  readonly width?: number
  readonly height?: number
  readonly scheme?: 'light' | 'dark'
  readonly isPhone?: boolean
  /** The page has no script that could report that it is ready. */
  readonly isStatic?: boolean
}

export class Chromium {
  readonly #child: ChildProcess
  readonly #profile: string
  readonly #waiting = new Map<number, { resolve: (result: Parameters) => void; reject: (error: Error) => void }>()
  readonly #listeners = new Set<(message: Message) => void>()
  #count = 0

  constructor() {
    this.#profile = mkdtempSync(join(tmpdir(), 'proctors-chromium-'))
    const switches = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--no-first-run',
    ]
    this.#child = spawn(
      chromiumCommand ?? 'chromium',
      [...switches, `--user-data-dir=${this.#profile}`, '--remote-debugging-pipe'],
      {
        // Chromium leaves folders in the temporary folder.
        env: { ...process.env, TMPDIR: this.#profile },
        stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
        detached: true,
      },
    )
    let rest = ''
    const fromBrowser = this.#child.stdio[4] as Readable
    fromBrowser.setEncoding('utf8').on('data', (text: string) => {
      const messages = (rest + text).split('\0')
      rest = messages.pop()!
      for (const message of messages) this.#receive(JSON.parse(message) as Message)
    })
  }

  #receive(message: Message): void {
    for (const listener of this.#listeners) listener(message)
    const waiting = message.id === undefined ? undefined : this.#waiting.get(message.id)
    if (waiting === undefined) return
    this.#waiting.delete(message.id!)
    if (message.error === undefined) waiting.resolve(message.result ?? {})
    else waiting.reject(new Error(message.error.message))
  }

  #send(method: string, params: Parameters = {}, sessionId?: string): Promise<Parameters> {
    this.#count += 1
    const id = this.#count
    const toBrowser = this.#child.stdio[3] as Writable
    toBrowser.write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
  }

  /** Opens a page and waits until it says that it is ready. */
  async open(
    url: string,
    { width = 1280, height = 860, scheme = 'light', isPhone = false, isStatic = false }: PageOptions = {},
  ): Promise<Page> {
    const { targetId } = await this.#send('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = await this.#send('Target.attachToTarget', { targetId, flatten: true })
    const send = (method: string, params?: Parameters): Promise<Parameters> =>
      this.#send(method, params, sessionId as string)
    const complaints: string[] = []
    this.#listeners.add(({ method, params, sessionId: from }) => {
      if (from !== sessionId) return
      if (method === 'Runtime.exceptionThrown' || method === 'Log.entryAdded') complaints.push(JSON.stringify(params))
      const { request } = (params ?? {}) as { request?: { url: string } }
      const isOwn = request === undefined || request.url.startsWith('data:') || request.url === url.replace(/#.*/, '')
      if (method === 'Network.requestWillBeSent' && !isOwn) complaints.push(`asks for ${request.url}`)
    })
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await send(`${domain}.enable`)
    await send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: isPhone })
    await send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] })
    const evaluate = async <Value>(expression: string): Promise<Value> => {
      const { result, exceptionDetails } = await send('Runtime.evaluate', {
        expression,
        awaitPromise: true,
        returnByValue: true,
      })
      if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails))
      return (result as { value: Value }).value
    }
    /** Resolves once the page has been drawn. A page in the background draws nothing. */
    const settle =
      'new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); setTimeout(done, 200) })'
    await send('Page.navigate', { url })
    const ready = `new Promise((done, fail) => {
      const look = () => document.documentElement?.dataset.ready === undefined ? setTimeout(look, 5) : done()
      setTimeout(fail, 20_000, new Error('The page has not said that it is ready.'))
      look()
    })`
    await evaluate(isStatic ? settle : `${ready}.then(() => ${settle})`)
    return {
      complaints,
      evaluate: async (expression) => {
        await evaluate(settle)
        return evaluate(expression)
      },
      press: async (key) => {
        const text = key.length === 1 ? key : key === 'Enter' ? '\r' : undefined
        const pressed = { key, windowsVirtualKeyCode: keyCodes[key] }
        await send('Input.dispatchKeyEvent', { type: text === undefined ? 'rawKeyDown' : 'keyDown', ...pressed, text })
        await send('Input.dispatchKeyEvent', { type: 'keyUp', ...pressed })
      },
      screenshot: async () => {
        await evaluate(settle)
        return Buffer.from((await send('Page.captureScreenshot'))['data'] as string, 'base64')
      },
    }
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#child.once('exit', resolve))
    process.kill(-this.#child.pid!, 'SIGKILL')
    await closed
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
}

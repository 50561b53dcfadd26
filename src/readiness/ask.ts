import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { after } from '../base/clock.js'
import type { HttpAnswer } from './http.js'

const mostBody = 1024 * 1024
/** ms that a body gets to end. A stream of events never ends, but its status is an answer. */
const bodyTime = 500

/** Makes one request on its own connection. `patience`: ms within which the status must arrive. */
export function ask(url: URL, patience: number, signal: AbortSignal): Promise<HttpAnswer> {
  const request = url.protocol === 'https:' ? requestHttps : requestHttp
  // The certificate does not matter: the kernel has already said that the command's own tree listens.
  const options = { agent: false, signal, headers: { connection: 'close' }, rejectUnauthorized: false }
  return new Promise((resolve, reject) => {
    let stop = (): void => {}
    const onResponse = (response: IncomingMessage): void => {
      stop()
      const chunks: Buffer[] = []
      let length = 0
      const answer = (): void => {
        stop()
        resolve({
          url: url.href,
          status: response.statusCode ?? 0,
          statusText: response.statusMessage ?? '',
          headers: response.headers,
          body: Buffer.concat(chunks).toString('utf8', 0, mostBody),
        })
        response.destroy()
      }
      stop = after(bodyTime, answer)
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        length += chunk.length
        if (length >= mostBody) answer()
      })
      response.once('error', reject)
      response.once('end', answer)
    }
    const sent = request(url, options, onResponse)
    stop = after(patience, () => sent.destroy(new Error(`no answer within ${patience} ms`)))
    sent.once('error', (error) => {
      stop()
      reject(error)
    })
    sent.end()
  })
}

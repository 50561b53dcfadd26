import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { HttpAnswer } from './http.js'

const mostBody = 1024 * 1024

/** One request, on a connection of its own. */
export function ask(url: URL, signal: AbortSignal): Promise<HttpAnswer> {
  const request = url.protocol === 'https:' ? requestHttps : requestHttp
  // Whose certificate it is is no question here: that the command's own tree listens has been seen.
  const options = { agent: false, signal, headers: { connection: 'close' }, rejectUnauthorized: false }
  return new Promise((resolve, reject) => {
    const onResponse = (response: IncomingMessage): void => {
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        if (length < mostBody) chunks.push(chunk)
        length += chunk.length
      })
      response.once('error', reject)
      response.once('end', () =>
        resolve({
          url: url.href,
          status: response.statusCode ?? 0,
          statusText: response.statusMessage ?? '',
          headers: response.headers,
          body: Buffer.concat(chunks).toString('utf8', 0, mostBody),
        }),
      )
    }
    request(url, options, onResponse).once('error', reject).end()
  })
}

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { takeTurn } from '../../escapes/turn.js'
import { freePort } from '../../../src/readiness/wait-for-http.js'
import { linuxListeners, parseTcp, parseUnix } from '../../../src/system/sockets/linux.js'
import { lsofListeners, parseLsof } from '../../../src/system/sockets/lsof.js'
import { forOthers, inRoot } from '../../inner-run.js'
import { eventually, makeFolder } from '../../machine.js'
import { needs } from '../../needs.js'
import { givenProctor, node, rejection, shell } from '../given.js'

/** A program that listens on a port, says so, and stays. */
const server = (port: number | string, host = '127.0.0.1'): string =>
  `require('net').createServer().listen(${typeof port === 'number' ? `{ port: ${port}, host: '${host}' }` : `'${port}'`}, () => console.log('up'))`

/** Starts a server that belongs to no command of a test. */
async function givenStranger(port: number | string, host?: string): Promise<number> {
  const child = spawn(process.execPath, ['-e', server(port, host), 'a-stale-server'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  await once(child.stdout, 'data')
  return child.pid!
}

/** Listens in this process. */
const listen = (port: number, host: string): Promise<Server> =>
  new Promise((resolve, reject) => {
    const own = createServer()
    onTestFinished(() => void own.close())
    own.once('error', reject)
    own.listen({ port, host }, () => resolve(own))
  })

const isLinux = process.platform === 'linux'
const hasIPv6 = isLinux && readFileSync('/proc/net/if_inet6', 'utf8').includes('00000000000000000000000000000001')

describe('waitForPort', () => {
  test.for(['127.0.0.1', '0.0.0.0', ...(hasIPv6 ? ['::1', '::'] : [])])(
    'waits for the own tree on %s',
    async (host) => {
      const proctor = await givenProctor()
      const port = await freePort()
      const process = node(proctor, `process.stdin.once('data', () => { ${server(port, host)} })`)
      const waiting = process.waitForPort(port, { timeout: 30_000 })
      let isOver = false
      waiting.then(
        () => (isOver = true),
        () => {},
      )
      // The first look loads the modules that it needs.
      await rejection(process.waitForPort(port, { timeout: 100 }))
      const before = process.waitForPort(port, { timeout: 1000 })
      const error = await rejection(before)
      expect(error).toMatchObject({ name: 'WaitTimeoutError', message: 'Timed out after 1 seconds:\n\n' })
      expect((error.cause as Error).message).toBe(`Its processes listen on no port, and nobody on ${port}.`)
      expect(isOver).toBe(false)
      await process.write('go')
      expect(await waiting).toBe(port)
      // The wait is level-triggered, so a second one ends at once. A wait without a port finds it too.
      expect(await process.waitForPort(port)).toBe(port)
      expect(await process.waitForPort()).toBe(port)
      expect(await process.waitForPort(undefined, { timeout: 1000 })).toBe(port)
    },
  )

  test('finds the listener of a child, and of a daemon whose starter has exited', async () => {
    const proctor = await givenProctor({ leaks: 'kill' })
    const [first, second] = [await freePort(), await freePort()]
    const forks = shell(proctor, `node -e "${server(first)}" & wait`)
    const starts = shell(proctor, `setsid -f node -e "${server(second)}" > /dev/null 2>&1`)
    expect(await forks.waitForPort()).toBe(first)
    await starts.waitForSuccessfulExit()
    expect(await starts.waitForPort(second)).toBe(second)
    await proctor.teardown()
  })

  test('a server that passes its socket to a fork and exits', async () => {
    needs('python3')
    const proctor = await givenProctor({ leaks: 'kill' })
    const port = await freePort()
    // The parent bound the socket, and has exited when it is looked up.
    const process = shell(
      proctor,
      `python3 -c 'import os, socket, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1", ${port})); s.listen()
if os.fork(): os._exit(0)
os.setsid(); time.sleep(60)'`,
    )
    await process.waitForSuccessfulExit()
    expect(await process.waitForPort()).toBe(port)
    await proctor.teardown()
  })

  test.for(['127.0.0.1', '0.0.0.0', ...(hasIPv6 ? ['::1', '::'] : [])])(
    'a stranger on %s is an error at once',
    async (host) => {
      const proctor = await givenProctor()
      const port = await freePort()
      const pid = await givenStranger(port, host)
      const process = proctor.run('sleep', ['60'])
      const error = await rejection(process.waitForPort(port, { timeout: 100_000 }))
      expect(error).toMatchObject({ name: 'PortInUseError', port, holder: { pid } })
      const place = host.includes(':') ? `[${host}]` : host
      expect(error.message).toContain(
        `Port ${port} is held by process ${pid}, which sleep 60 did not start:\n  ${pid} `,
      )
      expect(error.message).toMatch(/a-stale-server \(listens on /)
      expect(error.message).toContain(`(listens on ${place}:${port}, started `)
      // The stack begins at the line of the test.
      expect(error.stack).toContain('ports.test.ts')
    },
  )

  test.runIf(isLinux)('nor does a stranger hide behind a file whose path no link shows', async () => {
    const proctor = await givenProctor()
    const port = await freePort()
    const folder = makeFolder()
    const deep = `const fs = require('fs'); for (let i = 0; i < 25; i++) { fs.mkdirSync('d'.repeat(200)); process.chdir('d'.repeat(200)) }
      fs.openSync('file', 'w'); ${server(port)}`
    const child = spawn(process.execPath, ['-e', deep], { cwd: folder })
    onTestFinished(() => {
      child.kill('SIGKILL')
      execFileSync('rm', ['-rf', folder])
    })
    await once(child.stdout, 'data')
    const sleeper = proctor.run('sleep', ['60'])
    const error = await rejection(sleeper.waitForPort(port))
    expect(error).toMatchObject({ name: 'PortInUseError', holder: { pid: child.pid } })
    await proctor.teardown()
  })

  test('a program that ends because of the stranger is not blamed a second time', async () => {
    const proctor = await givenProctor()
    const port = await freePort()
    const pid = await givenStranger(port)
    const process = node(proctor, server(port))
    expect((await rejection(process.waitForPort(port))).message).toContain(String(pid))
    await process.settled
    expect((await rejection(process.waitForPort(port))).name).toBe('PortInUseError')
    await proctor.teardown()
  })

  test('without the stranger the same program is blamed, and its wait says how it ended', async () => {
    const proctor = await givenProctor()
    const process = node(proctor, 'console.log("bye"); process.exitCode = 3')
    const error = await rejection(process.waitForPort(await freePort()))
    expect(error.message).toBe('Process unexpectedly exited with exit code 3. Output:\nbye')
    expect((await rejection(process.waitForPort())).message).toBe('Process already exited with 3. Output:\nbye')
  })

  test('names this process, and another command of this worker', async () => {
    const proctor = await givenProctor()
    const [first, second] = [await freePort(), await freePort()]
    await listen(first, '127.0.0.1')
    const other = node(proctor, server(second))
    await other.waitForPort(second)
    const process = proctor.run('sleep', ['60'])
    expect((await rejection(process.waitForPort(first))).message).toContain('It is the process of this test itself.')
    expect((await rejection(process.waitForPort(second))).message).toContain(
      'It is another command of this test worker.',
    )
  })

  test('a stranger on another address does not matter', async () => {
    const proctor = await givenProctor()
    const port = await freePort()
    await givenStranger(port, '127.0.0.2')
    const process = node(proctor, server(port))
    expect(await process.waitForPort(port)).toBe(port)
  })

  test('unix sockets: by path, relative and absolute, abstract, stale, and a stranger’s', async () => {
    const proctor = await givenProctor()
    const absolute = proctor.workspace.resolve('b.sock')
    const relative = node(proctor, server('a.sock'))
    expect(await relative.waitForPort('a.sock')).toBe('a.sock')
    expect(await relative.waitForPort(proctor.workspace.resolve('a.sock'))).toBe(proctor.workspace.resolve('a.sock'))
    const other = node(proctor, server(absolute))
    expect(await other.waitForPort('b.sock')).toBe('b.sock')
    const name = `proctors-${process.pid}`
    const abstract = node(proctor, server(String.raw`\0${name}`))
    expect(await abstract.waitForPort(`@${name}`)).toBe(`@${name}`)
    const path = proctor.workspace.resolve('c.sock')
    const pid = await givenStranger(path)
    const waiting = proctor.run('sleep', ['60'])
    expect((await rejection(waiting.waitForPort('c.sock'))).message).toContain(`${path} is held by process ${pid}`)
    // A program that deletes the socket's file, and binds another socket there, is the one that connections reach.
    const taking = node(proctor, `require('fs').rmSync('c.sock'); ${server('c.sock')}`)
    await taking.waitForOutput('up')
    expect(await taking.waitForPort('c.sock')).toBe('c.sock')
  })

  test('refuses anything but a port', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('sleep', ['60'])
    for (const port of [0, 65_536, 1.5, -1, '', '8080', null, {}, Number.NaN]) {
      const error = await rejection(process.waitForPort(port as number))
      expect(error).toBeInstanceOf(TypeError)
      expect(error.message).toMatch(
        /^waitForPort: the port is .*\. Accepted is a number from 1 to 65535, or the path of a socket\.$/,
      )
    }
    expect((await rejection(process.waitForPort(80, { time: 1 } as object))).message).toContain('unknown option "time"')
  })

  test('a program that could not be started, and the end of the test', async () => {
    const proctor = await givenProctor()
    expect((await rejection(proctor.run('no-such-program').waitForPort())).name).toBe('SpawnError')
    const process = proctor.run('sleep', ['60'])
    const waiting = process.waitForPort(await freePort(), { timeout: 20_000 })
    await proctor.teardown()
    expect((await rejection(waiting)).message).toContain('The test has ended')
  })

  test('a tree in a network namespace of its own', async () => {
    needs('root', 'unshare')
    const proctor = await givenProctor()
    const port = await freePort()
    // Nobody uses the port in that namespace. Here, a stranger holds it.
    await proctor.workspace.write('server.cjs', `console.log('in'); ${server(port, '0.0.0.0')}`)
    const process = proctor.run('unshare', ['--net', 'node', 'server.cjs'])
    await process.waitForOutput('in')
    await givenStranger(port)
    expect(await process.waitForPort(port)).toBe(port)
  })
})

test('a stranger of another user is an error that says what is known', async () => {
  needs('root', 'setpriv')
  const port = await freePort()
  await givenStranger(port)
  const script = `
    const { createProctor } = await import(${JSON.stringify(forOthers(inRoot('dist/index.js')))})
    const proctor = await createProctor()
    const error = await proctor.run('sleep', ['60']).waitForPort(${port}).catch((thrown) => thrown)
    await proctor.teardown()
    console.log(error.name + ': ' + error.message)`
  const options = [
    '--reuid',
    '65534',
    '--regid',
    '65534',
    '--clear-groups',
    process.execPath,
    '--input-type=module',
    '-e',
    script,
  ]
  // The environment is made anew, because what an outer proctor has put there belongs to root.
  const env = { PATH: process.env['PATH'], HOME: '/tmp' }
  expect(execFileSync('setpriv', options, { env, encoding: 'utf8' }).trim()).toBe(
    `PortInUseError: Port ${port} is held by a process that sleep 60 did not start, and that may not be looked at (listens on 127.0.0.1:${port}, made by uid 0).`,
  )
})

describe('waitForHttp', () => {
  const web = (port: number | string, body: string): string =>
    `let n = 0; require('http').createServer((q, r) => { n += 1; ${body} }).listen(${port}, '127.0.0.1')`

  test('waits for the status, on the port that the command opens', async () => {
    const proctor = await givenProctor()
    const process = node(proctor, web(0, `r.statusCode = n < 3 ? 503 : 200; r.end(q.url + ' ' + n)`))
    expect(await process.waitForHttp('/health')).toMatchObject({ status: 200, body: '/health 3' })
    const port = await process.waitForPort()
    expect(await process.waitForHttp(`http://localhost:${port}/a?b`)).toMatchObject({ status: 200, body: '/a?b 4' })
  })

  test('the error has the last answer, or says that there was none', async () => {
    const proctor = await givenProctor()
    const process = node(proctor, web(0, `r.statusCode = 503; r.end('not yet\\u001b[31m')`))
    await process.waitForHttp('/', { status: 503 })
    const error = await rejection(process.waitForHttp('/', { timeout: 1000, status: 200 }))
    expect(error.name).toBe('WaitTimeoutError')
    expect(error.message).toMatch(
      /^Timed out after 1 seconds:\n\n\n\nLast answer from http:\/\/127\.0\.0\.1:\d+\/: 503 Service Unavailable\nnot yet/,
    )
    expect(await process.waitForHttp('/', { status: 503 })).toMatchObject({
      status: 503,
      statusText: 'Service Unavailable',
    })
    expect(await process.waitForHttp('/', { status: (status) => status > 500 })).toMatchObject({ status: 503 })

    const silent = node(proctor, server(await freePort()))
    await silent.waitForPort()
    expect((await rejection(silent.waitForHttp('/x', { timeout: 300 }))).message).toMatch(
      /No answer from http:\/\/127\.0\.0\.1:\d+\/x so far\.$/,
    )
    const port = await freePort()
    const deaf = await rejection(
      proctor.run('sleep', ['60']).waitForHttp(`http://127.0.0.1:${port}/`, { timeout: 200 }),
    )
    expect(deaf.message).toContain(`No answer from http://127.0.0.1:${port}/ so far.`)
  })

  test('a stranger that answers is not taken for the command', async () => {
    const proctor = await givenProctor()
    const port = await freePort()
    const child = spawn(
      process.execPath,
      ['-e', `${web(port, `r.end('old')`)}.on('listening', () => console.log('up'))`],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    onTestFinished(() => void child.kill('SIGKILL'))
    await once(child.stdout, 'data')
    const error = await rejection(proctor.run('sleep', ['60']).waitForHttp(`http://127.0.0.1:${port}/`))
    expect(error).toMatchObject({ name: 'PortInUseError', holder: { pid: child.pid } })
  })

  test.runIf(isLinux)(
    'a stranger that answers at another address of the port is not taken for the command',
    async () => {
      const proctor = await givenProctor()
      const port = await freePort()
      const stranger = await listen(port, '127.0.0.2')
      stranger.on('connection', (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nold'))
      const process = node(proctor, web(port, `r.end('own')`))
      expect(await process.waitForHttp(`http://127.0.0.1:${port}/`)).toMatchObject({ body: 'own' })
      const error = await rejection(process.waitForHttp(`http://127.0.0.2:${port}/`, { timeout: 300 }))
      expect(String(error.cause)).toContain(
        `listen on 127.0.0.1:${port}, which is not where http://127.0.0.2:${port}/ leads`,
      )
    },
  )

  test.each([
    [
      'a stream that never ends',
      `r.writeHead(200, { 'content-type': 'text/event-stream' }); r.write('data: hi')`,
      'data: hi',
    ],
    ['a first request that is never answered', `n > 1 && r.end('ok')`, 'ok'],
  ])('%s does not use up the wait', async (_name, code, body) => {
    const proctor = await givenProctor()
    const process = node(proctor, web(0, code))
    expect(await process.waitForHttp('/', { timeout: 20_000 })).toMatchObject({ status: 200, body })
  })

  test('a status function that returns a promise is refused', async () => {
    const process = node(await givenProctor(), web(0, `r.end('x')`))
    const status = (() => Promise.resolve(false)) as unknown as () => boolean
    const error = await rejection(process.waitForHttp('/', { status }))
    expect(error.message).toBe('waitForHttp: status gives true or false, not a promise.')
  })

  test('refuses anything but a URL', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('sleep', ['60'])
    for (const url of ['health', 'ftp://x', '', 3000, '//localhost:3000/']) {
      expect((await rejection(process.waitForHttp(url as string))).message).toMatch(
        /^waitForHttp: the url is .*Accepted is/,
      )
    }
    expect((await rejection(process.waitForHttp('/', { status: 20 }))).message).toContain('waitForHttp: status is 20.')
  })
})

describe('freePort', () => {
  test('gives ports on which nobody listens, and none twice in this worker', async () => {
    const ports = await Promise.all(Array.from({ length: 30 }, freePort))
    expect(new Set(ports).size).toBe(30)
    await listen(ports[0]!, '0.0.0.0')
  })

  // The lock is an abstract Unix socket, or, where there are none, the UDP port of the same number.
  test.for(isLinux ? ['linux', 'portable'] : ['portable'])(
    'is safe across workers: what one is given no other is, until it dies (%s)',
    async (table) => {
      onTestFinished(await takeTurn('ports'))
      const script = `
        const { freePort } = await import(${JSON.stringify(forOthers(inRoot('dist/index.js')))})
        const got = []
        for (let i = 0; i < 40; i += 1) got.push(await freePort())
        console.log(got.join(' '))
        setInterval(() => {}, 1000)`
      const env = { ...process.env, PROCTOR_PROCESS_TABLE: table }
      const workers = Array.from({ length: 3 }, () =>
        spawn(process.execPath, ['--input-type=module', '-e', script], { env, stdio: ['ignore', 'pipe', 'inherit'] }),
      )
      onTestFinished(() => {
        for (const worker of workers) worker.kill('SIGKILL')
      })
      const lists = await Promise.all(
        workers.map(async (worker) =>
          String((await once(worker.stdout, 'data'))[0])
            .trim()
            .split(' ')
            .map(Number),
        ),
      )
      const all = lists.flat()
      expect(all).toHaveLength(120)
      expect(new Set(all).size).toBe(120)
      const locks = (): number[] =>
        table === 'linux'
          ? [...readFileSync('/proc/net/unix', 'latin1').matchAll(/@proctor-port-(\d+)/g)].map(([, port]) =>
              Number(port),
            )
          : [...readFileSync('/proc/net/udp', 'latin1').matchAll(/: 0100007F:([\dA-F]{4}) /g)].map(([, port]) =>
              Number.parseInt(port!, 16),
            )
      if (!isLinux) return
      expect(locks()).toEqual(expect.arrayContaining(all))
      workers[0]!.kill('SIGKILL')
      await eventually(() => (locks().includes(lists[0]![0]!) ? undefined : true), 'its lock gone')
      expect(locks()).toEqual(expect.arrayContaining(lists[1]!))
    },
  )
})

describe('the tables', () => {
  test.runIf(isLinux)('/proc and lsof give the same result', async () => {
    needs('lsof')
    const [port, other] = [await freePort(), await freePort()]
    await listen(port, '127.0.0.1')
    if (hasIPv6) await listen(other, '::1')
    const wanted = ({ port: each }: { port: number | undefined }): boolean => each === port || each === other
    const ours = await linuxListeners.look([process.pid], 'tcp')
    const theirs = await lsofListeners.look([process.pid], 'tcp')
    const plain = (sight: typeof ours): unknown[] =>
      sight.listeners.filter(wanted).map(({ id, address, port: at }) => [address, at, sight.held.get(id)])
    expect(plain(ours)).toEqual([['127.0.0.1', port, process.pid], ...(hasIPv6 ? [['::1', other, process.pid]] : [])])
    expect(plain(theirs)).toEqual(plain(ours))
    const [listener] = ours.listeners.filter(wanted)
    expect(await linuxListeners.holdersOf(listener!)).toEqual([process.pid])
    expect(await lsofListeners.holdersOf(theirs.listeners.find(wanted)!)).toEqual([process.pid])
  })

  test('lines of /proc/net are read, other states and nameless sockets left out', () => {
    const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0000 100 0 0 10 0
   1: 0100007F:0BB8 0100007F:A000 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0000 20 4 30 10 -1
 10: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000 100 0 0 10 0
 11: 0000000000000000FFFF00000100007F:1F91 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4714 1 0000 100 0 0 10 0
`
    expect(parseTcp(tcp)).toEqual([
      { id: 4711, address: '127.0.0.1', port: 3000, owner: 1000 },
      { id: 4713, address: '::1', port: 8080, owner: 0 },
      { id: 4714, address: '127.0.0.1', port: 8081, owner: 0 },
    ])
    const unix = `Num       RefCount Protocol Flags    Type St Inode Path
0000: 00000002 00000000 00010000 0001 01 52167 /tmp/with space.sock
0000: 00000003 00000000 00000000 0001 03 52168 /tmp/with space.sock
0000: 00000002 00000000 00010000 0001 01 52169
0000: 00000002 00000000 00010000 0001 01 52170 @abstract
`
    expect(parseUnix(unix).map(({ id, address }) => [id, address])).toEqual([
      [52_167, '/tmp/with space.sock'],
      [52_170, '@abstract'],
    ])
  })

  test('fields of lsof are read as Linux and as macOS write them', () => {
    const text = `p12331\nu0\nf21\ntunix\nd0x98f46a41\ni52167\nn/tmp/zz.sock type=STREAM\nTST=LISTEN\nf22\ntIPv4\nd52168\nn127.0.0.1:38001\nTST=LISTEN\nTQR=0\nf23\ntIPv6\nd52169\nn*:38002\nTST=LISTEN\np4\nu501\nf3\ntunix\nd0xaf1d3f09b9c1b2a3\nn->0xaf1d3f09b9c1b2a4\nf4\ntIPv6\nd0xaf1d3f09b9c1b2a5\nn[::1]:38003\nTST=LISTEN\n`
    expect(parseLsof(text).map(({ pid, owner, address, port }) => [pid, owner, address, port])).toEqual([
      [12_331, 0, '/tmp/zz.sock', undefined],
      [12_331, 0, '127.0.0.1', 38_001],
      [12_331, 0, '::', 38_002],
      [4, 501, '::1', 38_003],
    ])
  })

  test.runIf(isLinux)(
    'all of it through lsof, as on macOS',
    async () => {
      needs('lsof')
      const port = await freePort()
      const pid = await givenStranger(port)
      const script = `
      const { createProctor, freePort } = await import(${JSON.stringify(forOthers(inRoot('dist/index.js')))})
      // lsof closes every descriptor that it might have inherited first: seconds, where a million are allowed.
      const proctor = await createProctor({ waitTimeout: 60_000 })
      const free = await freePort()
      const listen = (at) => "require('net').createServer().listen(" + at + ", '127.0.0.1')"
      const process_ = proctor.run('sh', ['-c', 'node -e "' + listen(free) + '" & wait'])
      const stale = await process_.waitForPort(${port}).catch((error) => error)
      const found = [await process_.waitForPort(free), await process_.waitForPort()]
      await proctor.teardown()
      console.log(JSON.stringify({ holder: stale.holder?.pid, hasFound: found.every((each) => each === free) }))`
      const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
        env: { ...process.env, PROCTOR_PROCESS_TABLE: 'portable' },
        encoding: 'utf8',
      })
      expect(JSON.parse(output)).toEqual({ holder: pid, hasFound: true })
    },
    120_000,
  )
})

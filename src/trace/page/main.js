import { $ } from './dom.js'
import { createLog } from './log.js'
import { readTrace } from './model.js'
import { showDetails, showHead, showPanels } from './panels.js'
import { createTimeline } from './timeline.js'

const tabs = ['log', 'details', 'screens', 'files', 'environment']

/** What stands behind # in the address: `#tab=files&search=error&theme=dark`, to be handed on with the file. */
const readHash = () => new URLSearchParams(location.hash.slice(1))

function writeHash(changes) {
  const hash = readHash()
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined || value === '') hash.delete(name)
    else hash.set(name, value)
  }
  history.replaceState(null, '', `#${hash}`)
}

function start() {
  const model = readTrace($('trace').textContent)
  showHead(model)
  showPanels(model)
  let choose = () => {}
  const timeline = createTimeline(model, {
    onSelect(process) {
      showDetails(model, process)
      writeHash({ process: process === undefined ? undefined : String(process.id) })
    },
    onTime(t, process) {
      choose('log')
      log.showTime(t, process?.c)
    },
  })
  const log = createLog(model, { onTime: (t) => timeline.showTime(t) })

  const isWide = matchMedia('(min-width: 1000px)')
  choose = (name, isFocused = false) => {
    // On a wide screen the details stand beside the log.
    const wanted = name === 'details' && isWide.matches ? 'log' : name
    for (const tab of tabs) {
      const isChosen = tab === wanted
      $(`tab-${tab}`).setAttribute('aria-selected', String(isChosen))
      $(`tab-${tab}`).tabIndex = isChosen ? 0 : -1
      $(`panel-${tab}`).classList.toggle('is-chosen', isChosen)
    }
    if (isFocused) $(`tab-${wanted}`).focus()
    log.draw()
    writeHash({ tab: wanted === 'log' ? undefined : wanted })
  }
  for (const [index, tab] of tabs.entries()) {
    $(`tab-${tab}`).addEventListener('click', () => choose(tab))
    $(`tab-${tab}`).addEventListener('keydown', (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
      if (by === undefined) return
      event.preventDefault()
      let next = index
      do next = (next + by + tabs.length) % tabs.length
      while ($(`tab-${tabs[next]}`).hidden || getComputedStyle($(`tab-${tabs[next]}`)).display === 'none')
      choose(tabs[next], true)
    })
  }

  const root = document.documentElement
  const setTheme = (theme) => {
    if (theme === 'dark' || theme === 'light') root.dataset.theme = theme
    else delete root.dataset.theme
    timeline.recolour()
  }
  $('theme').addEventListener('click', () => {
    const isDark =
      root.dataset.theme === undefined
        ? matchMedia('(prefers-color-scheme: dark)').matches
        : root.dataset.theme === 'dark'
    setTheme(isDark ? 'light' : 'dark')
    writeHash({ theme: root.dataset.theme })
  })
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => timeline.recolour())

  const help = $('help')
  $('show-help').addEventListener('click', () => help.showModal())
  $('close-help').addEventListener('click', () => help.close())
  addEventListener('keydown', (event) => {
    const isTyping = /^(?:INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName ?? '')
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || help.open) return
    const keys = {
      '/'() {
        choose('log')
        log.focusSearch()
      },
      '?': () => help.showModal(),
      n: () => log.step(1),
      N: () => log.step(-1),
      t: () => timeline.focus(),
      l() {
        choose('log')
        $('log').focus()
      },
      d: () => $('theme').click(),
    }
    const chosen =
      keys[event.key] ??
      (tabs[Number(event.key) - 1] && document.activeElement?.id !== 'rows'
        ? () => choose(tabs[Number(event.key) - 1], true)
        : undefined)
    if (chosen === undefined || event.defaultPrevented) return
    event.preventDefault()
    chosen()
  })

  const hash = readHash()
  setTheme(hash.get('theme'))
  // What is not laid out cannot be scrolled.
  choose(tabs.includes(hash.get('tab')) ? hash.get('tab') : 'log')
  if (hash.get('search')) log.search(hash.get('search'))
  const wanted = Number(hash.get('process'))
  const first =
    model.processes.find(({ id }) => id === wanted) ??
    model.processes.find(({ finding }) => finding !== undefined) ??
    model.processes[0]
  if (first !== undefined) {
    showDetails(model, first)
    if (wanted) timeline.selectProcess(first.id)
  }
  root.dataset.ready = ''
}

if (document.readyState === 'loading') addEventListener('DOMContentLoaded', start)
else start()

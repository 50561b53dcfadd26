import { createActions } from './panels/actions.js'
import type { Range } from './timeline/chart.js'
import { showCall, showProcess } from './panels/details.js'
import { $, isForPage } from './dom.js'
import { showEnvironment } from './panels/environment.js'
import { showFiles } from './panels/files.js'
import { readHash, writeHash } from './hash.js'
import { showFoot, showHead } from './panels/head.js'
import { createLog, type Log } from './output/log.js'
import { type Action, commandOf, type Process, type TraceModel } from './model/model.js'
import { readTrace } from './model/read.js'
import { createScreens, type Screens } from './panels/screens.js'
import { createTabs, isTab, tabNames, type TabName } from './tabs.js'
import { createTheme } from './theme.js'
import { createTimeline, type Timeline } from './timeline/timeline.js'

// What is selected in one place is shown in all of them.

interface Parts {
  readonly timeline: Timeline
  readonly log: Log
  readonly screens: Screens
  readonly actions: ReturnType<typeof createActions>
  readonly choose: (tab: TabName, isFocused?: boolean) => void
  /** Shows everything about a process. */
  readonly look: (process: Process) => void
}

function connect(model: TraceModel): Parts {
  const look = (process: Process): void => showProcess(model, process, { onProcess: chooseProcess, onOnly })
  const show = (process: Process): void => {
    look(process)
    writeHash({ process: String(process.id) })
  }
  const chooseProcess = (process: Process): void => {
    timeline.selectProcess(process.id)
    show(process)
  }
  const chooseRange = (range: Range | undefined): void => {
    timeline.showRange(range)
    log.showRange(range)
  }
  const onOnly = (process: Process): void => {
    choose('log')
    log.showCommand(process.c)
    chooseRange(process.isLeader ? undefined : { from: process.start, to: process.end ?? model.span })
  }
  const chooseAction = (action: Action): void => {
    actions.show(action)
    timeline.showAction(action)
    timeline.showTime(action.start)
    screens.showTime(action.start)
    const leader = commandOf(model, action.c)?.leader
    if (leader !== undefined) chooseProcess(leader)
    showCall(model, action)
    log.showTime(action.start, action.c === 0 ? undefined : action.c)
  }
  const timeline = createTimeline(model, {
    onProcess: show,
    onAction: chooseAction,
    onTime(t, process) {
      choose('log')
      log.showTime(t, process?.c)
      actions.showTime(t)
      screens.showTime(t)
    },
    onRange: (range) => log.showRange(range),
  })
  const log = createLog(model, {
    onTime(t) {
      timeline.showTime(t)
      actions.showTime(t)
      screens.showTime(t)
    },
    onRange: chooseRange,
  })
  const actions = createActions(model, (action) => {
    chooseAction(action)
    // If the list is a tab, the details of what was selected are behind it.
    if (getComputedStyle($('tab-actions')).display !== 'none') choose('details')
  })
  const screens = createScreens(model, {
    onScreen(t, command) {
      choose('screens')
      timeline.showTime(t)
      actions.showTime(t)
      screens.showTime(t)
      if (command.leader !== undefined) chooseProcess(command.leader)
    },
  })
  const choose = createTabs((tab) => {
    log.draw()
    writeHash({ tab: tab === 'log' ? undefined : tab })
  })
  return { timeline, log, screens, actions, choose, look }
}

function listenToKeys({ timeline, log, actions, choose }: Parts): void {
  const help = $<HTMLDialogElement>('help')
  for (const id of ['show-help', 'show-legend']) $(id).addEventListener('click', () => help.showModal())
  $('close-help').addEventListener('click', () => help.close())
  const keys: Readonly<Record<string, () => void>> = {
    '/'() {
      choose('log')
      log.focusSearch()
    },
    '?': () => help.showModal(),
    n: () => log.step(1),
    N: () => log.step(-1),
    t: () => timeline.focus(),
    a() {
      choose('actions')
      actions.focus()
    },
    l() {
      choose('log')
      $('log').focus()
    },
    w: () => $('wrap').click(),
    d: () => $('theme').click(),
  }
  addEventListener('keydown', (event) => {
    const active = document.activeElement
    const isTyping =
      /^(?:INPUT|SELECT|TEXTAREA)$/.test(active?.tagName ?? '') && active?.getAttribute('type') !== 'checkbox'
    if (isTyping || !isForPage(event) || help.open) return
    // The tabs of every screen size. The actions have a letter.
    const tab = tabNames.filter((name) => name !== 'actions')[Number(event.key) - 1]
    const toTab = tab === undefined || active?.id === 'rows' ? undefined : () => choose(tab, true)
    const chosen = keys[event.key] ?? toTab
    if (chosen === undefined || event.defaultPrevented) return
    event.preventDefault()
    chosen()
  })
}

function start(): void {
  const model = readTrace($('trace').textContent ?? '')
  showHead(model)
  showFiles(model)
  showEnvironment(model)
  showFoot(model)
  const parts = connect(model)
  listenToKeys(parts)
  createTheme(() => parts.timeline.recolour())
  const hash = readHash()
  const [tab, search, wanted] = [hash.get('tab'), hash.get('search'), Number(hash.get('process'))]
  // Something that has no layout cannot be scrolled.
  parts.choose(isTab(tab) ? tab : 'log')
  if (search !== null && search !== '') parts.log.search(search)
  showFirst(model, parts, wanted)
  document.documentElement.dataset['ready'] = ''
}

/** The first selection: what failed, and what leaked. */
function showFirst(model: TraceModel, { timeline, actions, look }: Parts, wanted: number): void {
  const failed = model.actions.findLast(({ error }) => error !== undefined)
  if (failed !== undefined) {
    showCall(model, failed)
    actions.show(failed)
    timeline.showAction(failed)
  }
  const first =
    model.processes.find(({ id }) => id === wanted) ??
    model.processes.find(({ finding }) => finding !== undefined) ??
    model.processes[0]
  if (first === undefined) return
  look(first)
  if (wanted) timeline.selectProcess(first.id)
}

if (document.readyState === 'loading') addEventListener('DOMContentLoaded', start)
else start()

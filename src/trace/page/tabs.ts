import { $ } from './dom.js'

export const tabNames = ['actions', 'log', 'details', 'screens', 'files', 'environment'] as const
export type TabName = (typeof tabNames)[number]

export const isTab = (name: string | null): name is TabName => tabNames.includes(name as TabName)

/** On a wide screen these are beside the other tabs. */
const beside: readonly TabName[] = ['actions', 'details']

const isShown = (name: TabName): boolean => {
  const tab = $(`tab-${name}`)
  return !tab.hidden && getComputedStyle(tab).display !== 'none'
}

/** Makes the tabs. Returns a function that selects one. */
export function createTabs(onChoice: (name: TabName) => void): (name: TabName, isFocused?: boolean) => void {
  const isWide = matchMedia('(min-width: 1000px)')
  let current: TabName = 'log'
  const choose = (name: TabName, isFocused = false): void => {
    current = beside.includes(name) && isWide.matches ? 'log' : name
    for (const tab of tabNames) {
      const isChosen = tab === current
      $(`tab-${tab}`).setAttribute('aria-selected', String(isChosen))
      $(`tab-${tab}`).tabIndex = isChosen ? 0 : -1
      $(`panel-${tab}`).classList.toggle('is-chosen', isChosen)
    }
    if (isFocused) $(`tab-${current}`).focus()
    onChoice(current)
  }
  isWide.addEventListener('change', () => choose(current))
  const step = (from: TabName, by: number): void => {
    const { length } = tabNames
    let next = tabNames.indexOf(from)
    do next = (next + by + length) % length
    while (!isShown(tabNames[next]!))
    choose(tabNames[next]!, true)
  }
  for (const tab of tabNames) {
    $(`tab-${tab}`).addEventListener('click', () => choose(tab))
    $(`tab-${tab}`).addEventListener('keydown', (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
      if (by === undefined) return
      event.preventDefault()
      step(tab, by)
    })
  }
  return choose
}

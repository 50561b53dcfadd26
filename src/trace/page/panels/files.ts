import type { TraceFileEntry } from '../../format.js'
import { plain } from '../output/ansi.js'
import { $, element } from '../dom.js'
import type { TraceModel } from '../model/model.js'
import { count, size } from '../words.js'

function fileElement({ path, size: bytes, text, kind }: TraceFileEntry): HTMLElement {
  const title = [
    element('code', { text: plain(path) }),
    element('span', { class: 'dim', text: kind ?? size(bytes ?? 0) }),
  ]
  if (text === undefined) return element('div', { class: 'file' }, ...title)
  return element(
    'details',
    { class: 'file' },
    element('summary', {}, ...title),
    element('pre', { class: 'scrolls', text: text.split('\n').map(plain).join('\n'), is: { tabindex: '0' } }),
  )
}

/** Shows the files of the workspace at the end. */
export function showFiles({ files }: TraceModel): void {
  const note =
    files.length === 0
      ? 'No files were in the workspace at the end.'
      : `${count(files.length, 'file')} in the workspace at the end`
  $('panel-files').replaceChildren(element('p', { class: 'dim note', text: note }), ...files.map(fileElement))
  $('tab-files').textContent = `Files ${files.length || ''}`.trim()
}

import { tellIfItHangs } from '../../guard/hang.js'

/** Jest says when its process does not exit, and not whom it waits for. In watch mode it is to stay. */
export function tellIfJestHangs(globalConfig: object = {}): void {
  const { watch, watchAll } = globalConfig as { readonly watch?: boolean; readonly watchAll?: boolean }
  if (watch !== true && watchAll !== true) tellIfItHangs('the run')
}

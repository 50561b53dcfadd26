import { coverageVariable } from '../../command/coverage-names.js'

/** Has who asks for `coverage: true` hear that Jest's own report cannot have commands. */
export function refuseJestCoverage(globalConfig: object = {}): void {
  const { collectCoverage } = globalConfig as { readonly collectCoverage?: boolean }
  if (collectCoverage !== true || process.env['NODE_V8_COVERAGE']) return
  process.env[coverageVariable] =
    "Jest's --coverage reports what runs in its own processes alone. Accepted are NODE_V8_COVERAGE, as in `npx c8 jest`, and Vitest's report"
}

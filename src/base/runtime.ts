/** The runtime that runs the tests. Bun and Deno name themselves beside the version of Node that they imitate. */
export const runtime = 'bun' in process.versions ? 'Bun' : 'deno' in process.versions ? 'Deno' : 'Node'

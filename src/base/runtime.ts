/** What runs the tests. Bun and Deno say so beside the version of Node whose interface they have. */
export const runtime = 'bun' in process.versions ? 'Bun' : 'deno' in process.versions ? 'Deno' : 'Node'

/**
 * The first cases of a table. `npm test` tries these alone, and `npm run test:runners` the whole table, because each case
 * starts a runner.
 *
 * @example
 * test.each(firstOf(2, pools))('in the pool %s', (pool) => …)
 */
export const firstOf = <Case>(count: number, table: readonly Case[]): readonly Case[] =>
  process.env['TEST_RUNNERS'] === 'all' ? table : table.slice(0, count)

/** How many times a loop runs: the full number under `npm run test:soak`, the short one under `npm test`. */
export const rounds = (full: number, short: number): number => (process.env['TEST_SOAK'] === 'full' ? full : short)

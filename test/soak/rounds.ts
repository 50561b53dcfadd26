/** How often a loop goes round: in full where `npm run test:soak` asks for it, in short in `npm test`. */
export const rounds = (full: number, short: number): number => (process.env['TEST_SOAK'] === 'full' ? full : short)

import { snapshotSerializer } from './matchers/serializer.js'

/**
 * The snapshot serializer with everything on, for a configuration.
 *
 * @example
 * export default defineConfig({ test: { snapshotSerializers: ['proctor/serializer'] } })
 */
const serializer = snapshotSerializer()

export const { test, serialize } = serializer
export default serializer

import { defineConfig } from 'vitest/config'

export default defineConfig({ test: { globalSetup: ['proctor/vitest/global-setup'] } })

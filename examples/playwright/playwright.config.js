import { defineConfig } from '@playwright/test'

export default defineConfig({ use: { proctorOptions: { trace: 'on-failure' } } })

import { endEstate, endWorkerWithoutMain } from './guardian/ending.js'

// What guardian.sh starts. It stands alone: the package may be gone by the time that a worker dies.

if (process.argv[2] === 'worker') endWorkerWithoutMain()
else await endEstate()

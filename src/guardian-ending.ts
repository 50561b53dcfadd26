import { endEstate, endWorkerWithoutMain } from './guardian/ending.js'

// guardian.sh starts this. It has no imports at run time, because the package may be gone when a worker dies.

if (process.argv[2] === 'worker') endWorkerWithoutMain()
else await endEstate()

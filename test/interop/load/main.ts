import { runFlood } from './run.ts'

console.log(JSON.stringify(await runFlood(Number(process.argv[2] ?? 10)), null, 2))

// Prints the modules of node_modules which importing one package loads. Usage: loaded.mjs SPECIFIER
import { registerHooks } from 'node:module'

const loaded = []
registerHooks({
  load(url, context, next) {
    const file = url.split('/node_modules/').at(-1)
    if (url.includes('/node_modules/')) loaded.push(file)
    return next(url, context)
  },
})
await import(process.argv[2])
console.log(JSON.stringify(loaded))

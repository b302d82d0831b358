import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

const CITATION = /\b(?:AT|BT|MD|JO|BJ|JA)-\d\d\b/g

export interface Citation {
  readonly id: string
  readonly file: string
}

/** The ids of requirements which a text names. */
export function citationsIn(file: string, text: string): readonly Citation[] {
  return [...new Set(text.match(CITATION))].map((id) => ({ id, file }))
}

/** The ids of requirements which the tests of this repository name. */
export async function readCitations(root: string): Promise<readonly Citation[]> {
  const files = [
    ...(await filesBelow(join(root, 'packages'), (name) => name.endsWith('.test.ts'))),
    ...(await filesBelow(join(root, 'test'), (name) => /\.(?:ts|js|mjs|cjs|json|md)$/.test(name))),
  ]
  const found = await Promise.all(
    files.map(async (file) => citationsIn(file.slice(root.length), await readFile(file, 'utf8'))),
  )
  return found.flat()
}

async function filesBelow(folder: string, wanted: (name: string) => boolean): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) {
        return entry.name === 'node_modules' || entry.name === 'dist' ? [] : filesBelow(path, wanted)
      }
      return entry.isFile() && wanted(entry.name) ? [path] : []
    }),
  )
  return found.flat()
}

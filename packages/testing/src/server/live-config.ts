import { readFileSync, unwatchFile, watchFile } from 'node:fs'

import { type DevelopmentConfig, readConfig } from './config.ts'

/** A configuration which follows its file. */
export interface LiveConfig {
  readonly current: DevelopmentConfig
  close(): void
}

/**
 * Reads a configuration, and again whenever the file changes. What cannot be read leaves the earlier one in force: a
 * half-saved file must not log everybody out.
 *
 * @param say told of every change, and why a file was not taken
 * @throws {Error} when there is no right configuration to begin with
 */
export function followConfig(file: string, say: (line: string) => void, interval = 300): LiveConfig {
  const read = (): DevelopmentConfig => readConfig(JSON.parse(readFileSync(file, 'utf8')) as unknown)
  let current = read()
  const changed = (): void => {
    try {
      current = read()
      say(`${file}: read again`)
    } catch (error) {
      say(`${file}: not taken, the earlier one stays: ${(error as Error).message}`)
    }
  }
  // Asked, not told: editors replace a file by a new one, which a watch of the old one does not see.
  watchFile(file, { interval, persistent: false }, changed)
  return {
    get current() {
      return current
    },
    close() {
      unwatchFile(file, changed)
    },
  }
}

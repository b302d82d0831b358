/**
 * An authorization server for development and tests, on 127.0.0.1.
 *
 * @module
 */
export {
  createDevelopmentServer,
  type DevelopmentServer,
  type DevelopmentServerOptions,
} from './development-server.ts'
export {
  type DevelopmentAssertionIssuer,
  type DevelopmentClient,
  type DevelopmentConfig,
  type DevelopmentUser,
} from './config.ts'
export { followConfig, type LiveConfig } from './live-config.ts'

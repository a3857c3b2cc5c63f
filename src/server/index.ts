export {
  observationRoutes,
  type ObservationRoutes,
  type ObservationRoutesOptions,
} from './embedded.ts';
export type { TlsTexts } from './listen.ts';
export type { ObservationParts } from './parts.ts';
export type { Role } from './routes.ts';
export type { Tokens } from './tokens.ts';
export { checkServeOptions, serve, type ServeOptions, type Server } from './serve.ts';

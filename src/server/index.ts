export type { ApiDocuments, LiveEvents } from './api-types.ts';
export {
  observationRoutes,
  type ObservationRoutes,
  type ObservationRoutesOptions,
} from './embedded.ts';
export type { TlsTexts } from './listen.ts';
export type { ObservationParts } from './parts.ts';
export type { Role } from './routes.ts';
export type { ServeOptions } from './serve-options.ts';
export type { Tokens } from './tokens.ts';
export { listen, type Listening, serve, type ServedPipeline, type Server } from './serve.ts';

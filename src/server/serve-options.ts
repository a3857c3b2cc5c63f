import { createSecureContext } from 'node:tls';

import { PipelineError } from '../errors.ts';
import { checkOptions, type Checks, isText } from '../observe/checked-options.ts';
import { requireKnownNames } from '../observe/known-names.ts';
import { flag, isListOf, isWhole, sharedChecks } from './check-options.ts';
import { isHostName } from './host-header.ts';
import type { TlsTexts } from './listen.ts';
import type { ObservationParts } from './parts.ts';

/** How a run is served. */
export interface ServeOptions extends ObservationParts {
  /** The address to listen at; `127.0.0.1` unless given. Any other than loopback needs more. */
  readonly host?: string;
  /** 7420 unless given; 0 takes any that is free. */
  readonly port?: number;
  /**
   * Of an admin: at least 16 characters. Unless given that in `MILLRACE_TOKEN`, or else one that is
   * made and kept in the state directory of the pipeline.
   */
  readonly token?: string;
  /** Of whoever may only look; unless given that in `MILLRACE_READ_TOKEN`. */
  readonly readToken?: string;
  /** Names that requests may call this host by, beside `localhost` and its address. */
  readonly names?: readonly string[];
  /** Origins of other pages that may call with a token; none unless given. */
  readonly origins?: readonly string[];
  /** Serves HTTPS. */
  readonly tls?: TlsTexts;
  /** Allows an address that other machines reach without TLS. */
  readonly insecureHttp?: boolean;
  /** Gives `/metrics` to whoever asks. */
  readonly publicMetrics?: boolean;
  /**
   * The descriptor that a stall is told to while it lasts, when nothing else of the process can
   * speak: 2, standard error, unless given. Null: none.
   */
  readonly stallDescriptor?: number | null;
}

const checks: Checks<ServeOptions> = {
  ...sharedChecks,
  host: [
    (value) => isText(value) && /^[\w.:%-]+$/.test(value),
    'an address, as `127.0.0.1` or `::1`',
  ],
  port: [(value) => isWhole(value, 65_535), 'a whole number from 0 to 65535'],
  names: [isListOf(isHostName), 'a list of names without a port, as `mill.example`'],
  tls: [(value) => typeof value === 'object' && value !== null, '`{ cert, key }`, as PEM texts'],
  insecureHttp: flag,
  stallDescriptor: [
    (value) => value === null || isWhole(value, Infinity),
    'the number of a descriptor, or null',
  ],
};

/** Throws `ERR_CONFIG_INVALID` where an option is not what it may be, or there is none of its name. */
export function checkServeOptions(options: ServeOptions): void {
  checkOptions('serve', options, checks);
  if (options.tls !== undefined) checkTls(options.tls);
}

function checkTls(tls: TlsTexts): void {
  const place = 'serve.tls';
  requireKnownNames(place, tls, ['cert', 'key']);
  try {
    if (!isText(tls.cert) || !isText(tls.key)) throw new TypeError('one of them is no text');
    createSecureContext(tls);
  } catch (cause) {
    throw new PipelineError({
      code: 'ERR_CONFIG_INVALID',
      place,
      fact: 'is no certificate with the key that it is for',
      remedy: 'give `cert` and `key` as PEM texts, the key without a passphrase',
      cause,
    });
  }
}

import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

import type { Logger } from '../../src/core/index.ts';

/** A request that an OTLP receiver got. */
export interface OtlpRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: OtlpBody;
  /** When it came, in milliseconds of some monotonic clock. */
  readonly atMs: number;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Scope {
  readonly scope: { readonly name: string; readonly version?: string };
}

export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly events: readonly unknown[];
  readonly status: { readonly code: number; readonly message?: string };
}

export interface OtlpPoint {
  readonly attributes: readonly Attribute[];
  readonly startTimeUnixNano: string;
  readonly timeUnixNano: string;
  readonly asInt?: number | string;
  readonly asDouble?: number;
  readonly count?: number | string;
  readonly sum?: number;
  readonly max?: number;
  readonly scale?: number;
  readonly zeroCount?: number | string;
  readonly positive?: { readonly offset: number; readonly bucketCounts: readonly number[] };
}

interface Points {
  readonly aggregationTemporality?: number;
  readonly isMonotonic?: boolean;
  readonly dataPoints: readonly OtlpPoint[];
}

export interface OtlpMetric {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly sum?: Points;
  readonly gauge?: Points;
  readonly exponentialHistogram?: Points;
}

interface OtlpBody {
  readonly resourceSpans?: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly (Scope & { readonly spans: readonly OtlpSpan[] })[];
  }[];
  readonly resourceMetrics?: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeMetrics: readonly (Scope & { readonly metrics: readonly OtlpMetric[] })[];
  }[];
}

/** A receiver of OTLP over HTTP and JSON, on a free port of this machine. */
export interface OtlpReceiver extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly OtlpRequest[];
  readonly spans: readonly OtlpSpan[];
  /** Those of the last export. */
  readonly metrics: readonly OtlpMetric[];
}

/** `answer`: gets the number of the request, from 0; says 200 with nothing unless given. */
export async function otlpReceiver(
  answer: (response: ServerResponse, request: number) => void = (response) => response.end('{}'),
): Promise<OtlpReceiver> {
  const requests: OtlpRequest[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const atMs = performance.now();
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const raw = Buffer.concat(chunks);
      const isPacked = request.headers['content-encoding'] === 'gzip';
      const body = JSON.parse((isPacked ? gunzipSync(raw) : raw).toString()) as OtlpBody;
      requests.push({ path: request.url ?? '', headers: request.headers, body, atMs });
      response.setHeader('content-type', 'application/json');
      answer(response, requests.length - 1);
      // A sender that crashes leaves half a request.
    })().catch(() => request.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get spans() {
      return requests.flatMap(({ body }) =>
        (body.resourceSpans ?? []).flatMap(({ scopeSpans }) =>
          scopeSpans.flatMap(({ spans }) => spans),
        ),
      );
    },
    get metrics() {
      const last = requests.findLast(({ path }) => path === '/v1/metrics');
      return (last?.body.resourceMetrics ?? []).flatMap(({ scopeMetrics }) =>
        scopeMetrics.flatMap(({ metrics }) => metrics),
      );
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Attributes as a plain object. */
export function attributesOf(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, Object.values(value)[0]] as const),
  );
}

type RememberingLogger = Logger & { readonly lines: Record<string, unknown>[] };

/** A logger that keeps what it is told. */
export function rememberingLogger(): RememberingLogger {
  const lines: Record<string, unknown>[] = [];
  const write = (event: string, fields: object = {}): void => void lines.push({ event, ...fields });
  const log = { debug: write, info: write, warning: write, error: write, critical: write };
  const logger: RememberingLogger = { ...log, lines, bindContext: () => logger };
  return logger;
}

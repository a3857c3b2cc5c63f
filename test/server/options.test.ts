import { expect, test } from 'vitest';

import {
  observationRoutes,
  type ObservationRoutesOptions,
  serve,
  type ServeOptions,
} from '../../src/server/index.ts';
import { admin, endlessRun } from './served.ts';

/** What is not safe, or would be found out later, as a caller of JavaScript may give it. */
const ofBoth: readonly (readonly [options: object, place: string])[] = [
  [{ publicMetric: true }, ''],
  [{ origin: ['https://board.example'] }, ''],
  [{ origins: '*' }, 'origins'],
  [{ origins: ['*'] }, 'origins'],
  [{ origins: ['null'] }, 'origins'],
  [{ origins: ['board.example'] }, 'origins'],
  [{ origins: ['https://board.example/'] }, 'origins'],
  [{ origins: ['https://*.example'] }, 'origins'],
  [{ origins: ['https://Board.example'] }, 'origins'],
  [{ origins: [5] }, 'origins'],
  [{ publicMetrics: 'false' }, 'publicMetrics'],
  [{ token: 5 }, 'token'],
  [{ readToken: null }, 'readToken'],
  [{ log: { info: () => {} } }, 'log'],
  [{ registries: {} }, 'registries'],
  [{ manifest: {} }, 'manifest'],
  [{ flightRecorder: 'flight.json' }, 'flightRecorder'],
];

const ofServe: typeof ofBoth = [
  ...ofBoth,
  [{ basePath: '/x' }, ''],
  [{ port: 'abc' }, 'port'],
  [{ port: '7420' }, 'port'],
  [{ port: 70_000 }, 'port'],
  [{ port: -1 }, 'port'],
  [{ port: 1.5 }, 'port'],
  [{ port: Number.NaN }, 'port'],
  [{ port: null }, 'port'],
  [{ host: '' }, 'host'],
  [{ host: '[::1]' }, 'host'],
  [{ host: 'http://localhost' }, 'host'],
  [{ names: 'a' }, 'names'],
  [{ names: ['mill.example:7420'] }, 'names'],
  [{ names: ['*'] }, 'names'],
  [{ names: [''] }, 'names'],
  [{ tls: 'cert.pem' }, 'tls'],
  [{ tls: {} }, 'tls'],
  [{ tls: { cert: 'x', key: 'y' } }, 'tls'],
  [{ tls: { cert: 'x', key: 'y', passphrase: 'z' } }, 'tls'],
  [{ insecureHttp: 'no' }, 'insecureHttp'],
  [{ stallDescriptor: -1 }, 'stallDescriptor'],
  [{ stallDescriptor: 'stderr' }, 'stallDescriptor'],
];

const ofRoutes: typeof ofBoth = [
  ...ofBoth,
  [{ port: 7420 }, ''],
  [{ authorise: () => 'read' }, ''],
  [{ authorize: 'read' }, 'authorize'],
  [{ basePath: 'pipeline' }, 'basePath'],
  [{ basePath: '/a b' }, 'basePath'],
  [{ basePath: '/p/../q' }, 'basePath'],
  [{ basePath: '//' }, 'basePath'],
  [{ basePath: 5 }, 'basePath'],
];

function refusal(of: string, place: string): object {
  return {
    name: 'PipelineError',
    code: 'ERR_CONFIG_INVALID',
    place: place === '' ? of : `${of}.${place}`,
  };
}

test('`serve` takes no options that it would not keep to', async () => {
  const { run } = await endlessRun();
  for (const [options, place] of ofServe) {
    const given = { token: admin, ...options } as ServeOptions;
    const told = await serve(run, given).catch((error: unknown) => error);
    expect([options, told]).toMatchObject([options, refusal('serve', place)]);
  }
  await expect(serve(run, null as never)).rejects.toMatchObject({ place: 'serve' });
});

test('`observationRoutes` neither', async () => {
  const { run } = await endlessRun();
  for (const [options, place] of ofRoutes) {
    const given = { token: admin, ...options } as ObservationRoutesOptions;
    const told = ((): unknown => {
      try {
        return observationRoutes(run, given);
      } catch (error) {
        return error;
      }
    })();
    expect([options, told]).toMatchObject([options, refusal('observationRoutes', place)]);
  }
});

test('a refusal shows what was given and what may be', async () => {
  const { run } = await endlessRun();
  const options = { token: admin, origins: ['*'] };
  await expect(serve(run, options)).rejects.toThrow(
    'ERR_CONFIG_INVALID [serve.origins] cannot be ["*"]; give a list of origins, as `https://board.example`',
  );
});

test('what may be is taken', async () => {
  const { run } = await endlessRun();
  await using server = await serve(run, {
    host: '::1',
    port: 0,
    token: admin,
    names: ['mill.example', '[::1]', '10.0.0.1'],
    origins: ['https://board.example', 'http://localhost:5173'],
    stallDescriptor: null,
  });
  expect(server.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  for (const basePath of ['', '/', '/pipeline', '/a/b/']) {
    using routes = observationRoutes(run, { token: admin, basePath });
    const path = `${basePath.replace(/\/$/, '')}/livez`;
    expect((await routes(new Request(`http://host.example${path}`))).status).toBe(200);
  }
});

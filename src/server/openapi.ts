import { type Route, routes } from './routes.ts';

const error = {
  type: 'object',
  properties: {
    error: {
      type: 'object',
      properties: { code: { type: 'string' }, message: { type: 'string' } },
      required: ['code', 'message'],
      additionalProperties: false,
    },
  },
  required: ['error'],
  additionalProperties: false,
};

const refused = {
  description: 'Refused, with why',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
};

/** The OpenAPI 3.1 document of the routes. */
export function openApi(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Millrace', version: 'v1' },
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Error: error },
    },
  };
}

function operationOf({ access, summary, type, body }: Route): object {
  const content = { [type]: type === 'application/json' ? { schema: {} } : {} };
  return {
    summary,
    security: access === 'anybody' ? [] : [{ token: [] }],
    ...(access !== 'anybody' && { 'x-role': access }),
    ...(body !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: body } } },
    }),
    responses: { 200: { description: 'Done', content }, default: refused },
  };
}

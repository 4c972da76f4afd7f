import { type Static, Type } from 'typebox';
import { durationMs } from '../duration.ts';
import { FRAMING_HEADERS } from '../framing-headers.ts';
import { SourceSchema } from './authorization.ts';
import { notEmpty, withRules } from './rules.ts';
import {
  closed,
  duration,
  headerName,
  integer,
  list,
  method,
  name,
  named,
  namespaceName,
  oneHost,
  PATTERNS,
  path,
  percent,
  portNumber,
  quantity,
  set,
  text,
} from './scalars.ts';
import { SelectorSchema } from './target.ts';

const valueMatch = (what: string) =>
  closed(
    {
      name: headerName(`The ${what}.`),
      value: text(PATTERNS.headerValue, 1024, 'The value, or the expression.'),
      type: Type.Optional(
        Type.Enum(['Exact', 'RegularExpression'], {
          description: 'Exact when absent; expressions are RE2 and match the whole value.',
        }),
      ),
    },
    `A ${what} that must match.`,
  );

const PathMatchSchema = withRules(
  closed(
    {
      type: Type.Enum(['Exact', 'PathPrefix', 'RegularExpression'], {
        description: 'How `value` is read. PathPrefix matches whole segments; expressions are RE2.',
      }),
      value: Type.String({ minLength: 1, maxLength: 1024, description: 'The path, or the expression.' }),
    },
    'The path of the request.',
  ),
  [
    {
      cel: "self.type == 'RegularExpression' || self.value.startsWith('/')",
      message: 'a path starts with "/": write {type: PathPrefix, value: /v2}',
      holds: (match) => match.type === 'RegularExpression' || match.value.startsWith('/'),
    },
  ],
);

export const RouteMatchSchema = notEmpty(
  closed(
    {
      path: Type.Optional(PathMatchSchema),
      methods: Type.Optional(set(method('An HTTP method.'), 16, 'Any of these methods.')),
      headers: Type.Optional(named(valueMatch('header'), 16, 'All of these headers.')),
      queryParams: Type.Optional(named(valueMatch('query parameter'), 16, 'All of these parameters.')),
      from: Type.Optional(list(SourceSchema, 16, 'Any of these callers.')),
    },
    'A match. All given fields must match.',
  ),
);

const BackendSchema = closed(
  {
    service: name('A Service.'),
    namespace: Type.Optional(namespaceName('Its namespace, if another; needs a ReferenceGrant there.')),
    port: Type.Optional(portNumber('The Service port; the one that was called when absent.')),
    weight: Type.Optional(integer(0, 1_000_000, 'Its share of the sum of all weights; 1 when absent.')),
    selector: Type.Optional(SelectorSchema),
  },
  'Where requests go.',
);

const PathRewriteSchema = closed(
  {
    type: Type.Enum(['ReplacePrefixMatch', 'ReplaceFullPath'], {
      description: 'What is replaced: the matched prefix, or all of the path.',
    }),
    value: path('What stands there instead.'),
  },
  'Replaces the path.',
);

const RewriteSchema = notEmpty(
  closed(
    { path: Type.Optional(PathRewriteSchema), host: Type.Optional(oneHost('Replaces the host.')) },
    'Changes the request on its way.',
  ),
);

const RedirectSchema = notEmpty(
  closed(
    {
      scheme: Type.Optional(Type.Enum(['http', 'https'], { description: 'The scheme of the Location.' })),
      host: Type.Optional(oneHost('The host of the Location.')),
      port: Type.Optional(portNumber('The port of the Location.')),
      path: Type.Optional(PathRewriteSchema),
      status: Type.Optional(
        Type.Enum([301, 302, 303, 307, 308], { description: 'The status; 302 when absent.' }),
      ),
    },
    'Answers with a redirection.',
  ),
);

const changedHeaderName = (description: string) =>
  withRules(headerName(description), [
    {
      cel: `!(self.lowerAscii() in [${FRAMING_HEADERS.map((header) => `'${header}'`).join(', ')}])`,
      message:
        'headers of the connection and of framing are the proxy’s own: remove it; for the host write rewrite: {host: …}',
      holds: (header) => !FRAMING_HEADERS.includes(header.toLowerCase()),
    },
    {
      cel: "!self.lowerAscii().startsWith('weft-')",
      message: 'headers that start with weft- belong to the mesh: use another name',
      holds: (header) => !header.toLowerCase().startsWith('weft-'),
    },
  ]);
const headerChange = (description: string) =>
  named(
    closed(
      {
        name: changedHeaderName('The header.'),
        value: text(PATTERNS.headerValue, 1024, 'Its value.'),
      },
      'A header.',
    ),
    16,
    description,
  );
const HeaderChangesSchema = notEmpty(
  closed(
    {
      set: Type.Optional(headerChange('Replaces these headers.')),
      add: Type.Optional(headerChange('Adds to these headers.')),
      remove: Type.Optional(set(changedHeaderName('A header.'), 16, 'Removes these headers.')),
    },
    'Changes headers.',
  ),
);

export const RetrySchema = notEmpty(
  closed(
    {
      attempts: Type.Optional(integer(0, 10, 'Further attempts after the first; 0 turns retries off.')),
      conditions: Type.Optional(
        set(
          Type.Enum(['ConnectFailure', 'Reset', 'ServerError', 'GatewayError', 'GrpcUnavailable'], {
            description: 'A reason to try again.',
          }),
          5,
          'Any of these reasons.',
        ),
      ),
      codes: Type.Optional(set(integer(400, 599, 'A status.'), 16, 'Statuses that are tried again too.')),
      backoff: Type.Optional(
        withRules(
          notEmpty(
            closed(
              {
                base: Type.Optional(duration('The first pause.')),
                max: Type.Optional(duration('The longest pause.')),
              },
              'Pauses double from base to max, with jitter.',
            ),
          ),
          [
            {
              cel: '!has(self.base) || !has(self.max) || duration(self.base) <= duration(self.max)',
              message: 'backoff.base must not be longer than backoff.max: write {base: 25ms, max: 250ms}',
              holds: ({ base, max }) =>
                base === undefined || max === undefined || durationMs(base) <= durationMs(max),
            },
          ],
        ),
      ),
      nonIdempotent: Type.Optional(
        Type.Boolean({
          description: 'Whether requests that are not idempotent are sent again (false when absent).',
        }),
      ),
    },
    'When a failed request is sent again; always under the retry budget.',
  ),
);

const RouteTimeoutSchema = withRules(
  notEmpty(
    closed(
      {
        request: Type.Optional(duration('The whole request, retries included; 0s is none.')),
        attempt: Type.Optional(duration('One attempt; 0s is none.')),
        idle: Type.Optional(duration('Without a byte; 0s is none.')),
      },
      'How long a request may take.',
    ),
  ),
  [
    {
      cel: "!has(self.request) || !has(self.attempt) || duration(self.request) == duration('0s') || duration(self.attempt) <= duration(self.request)",
      message: 'timeout.attempt must not be longer than timeout.request: write {request: 2s, attempt: 500ms}',
      holds: ({ request, attempt }) =>
        request === undefined ||
        attempt === undefined ||
        durationMs(request) === 0 ||
        durationMs(attempt) <= durationMs(request),
    },
  ],
);

const FaultSchema = notEmpty(
  closed(
    {
      abort: Type.Optional(
        closed(
          { percent: percent('How many of a hundred.'), status: integer(200, 599, 'The status.') },
          'Answers instead of the destination.',
        ),
      ),
      delay: Type.Optional(
        closed(
          { percent: percent('How many of a hundred.'), duration: duration('How long.') },
          'Waits first.',
        ),
      ),
      bandwidth: Type.Optional(quantity('Bytes per second of the answer.')),
    },
    'Faults on purpose.',
  ),
);

export const RouteSchema = withRules(
  closed(
    {
      name: name('The name, unique in the policy; it appears in metrics and logs.'),
      match: Type.Optional(list(RouteMatchSchema, 8, 'Any of these; absent means every request.')),
      backends: Type.Optional(list(BackendSchema, 16, 'Where requests go; the called Service when absent.')),
      mirror: Type.Optional(
        closed(
          {
            service: name('A Service.'),
            namespace: Type.Optional(
              namespaceName('Its namespace, if another; needs a ReferenceGrant there.'),
            ),
            port: Type.Optional(portNumber('The Service port; the one that was called when absent.')),
            percent: Type.Optional(percent('How many of a hundred; all when absent.')),
          },
          'Sends a copy, and forgets the answer.',
        ),
      ),
      rewrite: Type.Optional(RewriteSchema),
      redirect: Type.Optional(RedirectSchema),
      headers: Type.Optional(
        notEmpty(
          closed(
            { request: Type.Optional(HeaderChangesSchema), response: Type.Optional(HeaderChangesSchema) },
            'Changes headers of requests and responses.',
          ),
        ),
      ),
      timeout: Type.Optional(RouteTimeoutSchema),
      retry: Type.Optional(RetrySchema),
      fault: Type.Optional(FaultSchema),
    },
    'A route.',
  ),
  [
    {
      cel: '!has(self.backends) || self.backends.exists(backend, !has(backend.weight) || backend.weight > 0)',
      message: 'the weights of the backends sum to 0: give at least one backend a weight above 0',
      holds: (route) => route.backends?.some((backend) => backend.weight !== 0) ?? true,
    },
    {
      cel: `!(${['rewrite', 'redirect'].map((action) => `has(self.${action}) && has(self.${action}.path) && self.${action}.path.type == 'ReplacePrefixMatch'`).join(' || ')}) || !has(self.match) || self.match.all(each, has(each.path) && each.path.type == 'PathPrefix')`,
      message:
        'ReplacePrefixMatch needs a prefix to replace: give every match of the route a path: {type: PathPrefix, value: /v2}, or write ReplaceFullPath',
      holds: ({ rewrite, redirect, match }) =>
        [rewrite, redirect].every((action) => action?.path?.type !== 'ReplacePrefixMatch') ||
        (match?.every(({ path }) => path?.type === 'PathPrefix') ?? true),
    },
    {
      cel: '!has(self.redirect) || (!has(self.backends) && !has(self.mirror) && !has(self.rewrite) && !has(self.retry))',
      message:
        'a route with redirect answers by itself: remove backends, mirror, rewrite and retry, or make it two routes',
      holds: (route) =>
        route.redirect === undefined ||
        (route.backends === undefined &&
          route.mirror === undefined &&
          route.rewrite === undefined &&
          route.retry === undefined),
    },
  ],
);
export type Route = Static<typeof RouteSchema>;

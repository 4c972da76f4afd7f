import { type Static, Type } from 'typebox';
import { durationMs } from '../duration.ts';
import { AuthorizationSchema } from './authorization.ts';
import { notEmpty, withRules } from './rules.ts';
import {
  closed,
  count,
  duration,
  headerName,
  integer,
  name,
  named,
  only,
  PATTERNS,
  positiveDuration,
  quantity,
  set,
  text,
} from './scalars.ts';

const MtlsSchema = closed(
  {
    mode: Type.Enum(['Permissive', 'Strict'], {
      description:
        'Permissive (when absent): plaintext is accepted too. Strict: only mutual TLS of the mesh.',
    }),
  },
  'Mutual TLS.',
);

const JwksSchema = withRules(
  closed(
    {
      type: Type.Enum(['URI', 'Inline'], { description: 'Where the keys are.' }),
      uri: Type.Optional(
        text(PATTERNS.httpsUrl, 2048, 'type URI: where the key set is fetched, by the operator.'),
      ),
      inline: Type.Optional(
        Type.String({
          minLength: 2,
          maxLength: 16384,
          description: 'type Inline: the key set itself, as JSON.',
        }),
      ),
    },
    'The keys that verify signatures (RFC 7517).',
  ),
  [only('URI', 'uri', 'https://id.example/jwks.json'), only('Inline', 'inline', '\'{"keys": []}\'')],
);

const IssuerSchema = closed(
  {
    name: name('A name for the issuer, unique in the policy.'),
    issuer: text(PATTERNS.httpsUrl, 512, 'The `iss` claim.'),
    jwks: JwksSchema,
    audiences: Type.Optional(
      set(
        Type.String({ minLength: 1, maxLength: 256, description: 'An audience.' }),
        16,
        'Accepted `aud` claims; absent means any.',
      ),
    ),
    fromHeaders: Type.Optional(
      set(headerName('A header.'), 8, 'Where the token is looked for; absent means `authorization: Bearer`.'),
    ),
    forward: Type.Optional(
      Type.Boolean({ description: 'Whether the app sees the token (true when absent).' }),
    ),
  },
  'An issuer of tokens.',
);

/** A limiter's clock is a number of milliseconds in 31 bits, and no limit is kept over a restart anyway. */
const PERIOD_MAX_MS = 24 * 3_600_000;
const period = withRules(positiveDuration('The period, at most 24h.'), [
  {
    cel: "duration(self) <= duration('24h')",
    message: 'must be at most 24h: the count of a proxy does not outlive it',
    holds: (value) => durationMs(value) <= PERIOD_MAX_MS,
  },
]);

const RateLimitSchema = closed(
  {
    name: name('The name, unique in the policy.'),
    requests: count('Requests per period.'),
    per: period,
    burst: Type.Optional(
      integer(
        0,
        1_000_000,
        'Requests that may come early: one more than these at once, the others at an even pace. When absent as many as `requests` may come at once.',
      ),
    ),
    key: withRules(
      closed(
        {
          type: Type.Enum(['Source', 'Header', 'Path', 'Global'], {
            description: 'What is counted apart: each caller, each value of a header, each path, or nothing.',
          }),
          header: Type.Optional(headerName('type Header only.')),
        },
        'What shares one limit. Limits are per proxy.',
      ),
      [only('Header', 'header', 'x-user')],
    ),
  },
  'A rate limit; requests over it get 429 with Retry-After.',
);
export type RateLimit = Static<typeof RateLimitSchema>;

const LimitsSchema = notEmpty(
  closed(
    {
      maxConnections: Type.Optional(count('Open connections.')),
      maxPendingRequests: Type.Optional(count('Requests waiting for the app.')),
      maxHeaderSize: Type.Optional(quantity('Bytes of a request header.')),
      maxBodySize: Type.Optional(quantity('Bytes of a request body.')),
      idleTimeout: Type.Optional(duration('A connection without a byte for so long is closed.')),
    },
    'Limits of one proxy.',
  ),
);

export const InboundSchema = notEmpty(
  closed(
    {
      mtls: Type.Optional(MtlsSchema),
      authorization: Type.Optional(AuthorizationSchema),
      jwt: Type.Optional(
        closed({ issuers: named(IssuerSchema, 8, 'Issuers whose tokens are verified.') }, 'JSON Web Tokens.'),
      ),
      rateLimit: Type.Optional(named(RateLimitSchema, 16, 'Rate limits; all apply.')),
      limits: Type.Optional(LimitsSchema),
    },
    'What reaches the target; enforced by its own sidecars.',
  ),
);
export type Inbound = Static<typeof InboundSchema>;

import { broken, from, misshapen, type PolicyCase, RULES_AT, rules, to } from './case.ts';

const limit = (part: object) => ({
  inbound: { rateLimit: [{ name: 'a', requests: 1, per: '1s', key: { type: 'Source' }, ...part }] },
});
const issuer = (jwks: object) => ({
  inbound: { jwt: { issuers: [{ name: 'a', issuer: 'https://id.example', jwks }] } },
});

export const INVALID_INBOUND: readonly PolicyCase[] = [
  misshapen('an mTLS mode in small letters', 'spec.inbound.mtls.mode', 'Unsupported value', {
    inbound: { mtls: { mode: 'strict' } },
  }),
  misshapen('mTLS without mode', 'spec.inbound.mtls.mode', 'Required value', { inbound: { mtls: {} } }),
  broken(
    'authorization without decision',
    'spec.inbound.authorization',
    'authorization decides nothing yet',
    {
      inbound: { authorization: { mode: 'Audit' } },
    },
  ),
  misshapen(
    'an empty list of rules',
    'spec.inbound.authorization.rules',
    'should have at least 1 items',
    rules(),
  ),
  misshapen('a rule without name', `${RULES_AT}.name`, 'Required value', rules({ action: 'Allow' })),
  misshapen('a rule without action', `${RULES_AT}.action`, 'Required value', rules({ name: 'a' })),
  misshapen(
    'an action that is none',
    `${RULES_AT}.action`,
    'Unsupported value',
    rules({ name: 'a', action: 'Log' }),
  ),
  misshapen(
    'a rule name in capitals',
    `${RULES_AT}.name`,
    'should match',
    rules({ name: 'Web', action: 'Allow' }),
  ),
  misshapen(
    'two rules of one name',
    'spec.inbound.authorization.rules[1]',
    'Duplicate value',
    rules({ name: 'a', action: 'Allow' }, { name: 'a', action: 'Deny' }),
  ),
  misshapen('an empty list of callers', `${RULES_AT}.from`, 'should have at least 1 items', from()),
  broken('a caller that says nothing', `${RULES_AT}.from[0]`, 'set at least one of serviceAccount', from({})),
  broken(
    'a SPIFFE ID with namespace',
    `${RULES_AT}.from[0]`,
    'spiffeId says everything',
    from({ spiffeId: 'spiffe://a/ns/b/sa/c', namespace: 'b' }),
  ),
  broken(
    'an address with service account',
    `${RULES_AT}.from[0]`,
    'ipBlock is for callers without identity',
    from({ ipBlock: '10.0.0.0/8', serviceAccount: 'web' }),
  ),
  misshapen(
    'an address without prefix length',
    `${RULES_AT}.from[0].ipBlock`,
    'should match',
    from({ ipBlock: '10.0.0.1' }),
  ),
  misshapen(
    'a prefix length over 32',
    `${RULES_AT}.from[0].ipBlock`,
    'should match',
    from({ ipBlock: '10.0.0.0/33' }),
  ),
  misshapen(
    'an octet over 255',
    `${RULES_AT}.from[0].ipBlock`,
    'should match',
    from({ ipBlock: '10.0.256.0/24' }),
  ),
  misshapen(
    'an IPv6 prefix length over 128',
    `${RULES_AT}.from[0].ipBlock`,
    'should match',
    from({ ipBlock: 'fd00::/129' }),
  ),
  misshapen(
    'a URL that is no SPIFFE ID',
    `${RULES_AT}.from[0].spiffeId`,
    'should match',
    from({ spiffeId: 'https://a/b' }),
  ),
  misshapen(
    'a SPIFFE ID without path',
    `${RULES_AT}.from[0].spiffeId`,
    'should match',
    from({ spiffeId: 'spiffe://a' }),
  ),
  misshapen(
    'a pattern as service account',
    `${RULES_AT}.from[0].serviceAccount`,
    'should match',
    from({ serviceAccount: 'web-*' }),
  ),
  broken('an operation that says nothing', `${RULES_AT}.to[0]`, 'set at least one of methods', to({})),
  misshapen(
    'a method in small letters',
    `${RULES_AT}.to[0].methods[0]`,
    'should match',
    to({ methods: ['get'] }),
  ),
  misshapen(
    'a method twice',
    `${RULES_AT}.to[0].methods[1]`,
    'Duplicate value',
    to({ methods: ['GET', 'GET'] }),
  ),
  misshapen('a path without slash', `${RULES_AT}.to[0].paths[0]`, 'should match', to({ paths: ['v1/*'] })),
  misshapen(
    'a path with dot segments',
    `${RULES_AT}.to[0].paths[0]`,
    'should match',
    to({ paths: ['/a/../b'] }),
  ),
  misshapen(
    'a path with an empty segment',
    `${RULES_AT}.to[0].paths[0]`,
    'should match',
    to({ paths: ['/a//b'] }),
  ),
  misshapen('a path with query', `${RULES_AT}.to[0].paths[0]`, 'should match', to({ paths: ['/a?b=c'] })),
  misshapen(
    'an empty list of hosts',
    `${RULES_AT}.to[0].hosts`,
    'should have at least 1 items',
    to({ methods: ['GET'], hosts: [] }),
  ),
  misshapen(
    'a star inside a host',
    `${RULES_AT}.to[0].hosts[0]`,
    'should match',
    to({ hosts: ['a.*.example'] }),
  ),
  misshapen(
    'a rate of no requests',
    'spec.inbound.rateLimit[0].requests',
    'should be greater than or equal to 1',
    limit({ requests: 0 }),
  ),
  misshapen(
    'a fraction of a request',
    'spec.inbound.rateLimit[0].requests',
    'must be of type integer',
    limit({ requests: 1.5 }),
  ),
  broken(
    'a period of nothing',
    'spec.inbound.rateLimit[0].per',
    'must be longer than 0s',
    limit({ per: '0s' }),
  ),
  broken(
    'a period of more than a day',
    'spec.inbound.rateLimit[0].per',
    'must be at most 24h',
    limit({ per: '24h1ms' }),
  ),
  misshapen('a period without unit', 'spec.inbound.rateLimit[0].per', 'should match', limit({ per: '10' })),
  misshapen(
    'a period with a fraction',
    'spec.inbound.rateLimit[0].per',
    'should match',
    limit({ per: '1.5s' }),
  ),
  broken(
    'a Header key without header',
    'spec.inbound.rateLimit[0].key',
    'type: Header needs header',
    limit({ key: { type: 'Header' } }),
  ),
  broken(
    'a Source key with header',
    'spec.inbound.rateLimit[0].key',
    'type: Header needs header',
    limit({ key: { type: 'Source', header: 'x-user' } }),
  ),
  broken(
    'a key set of type URI without uri',
    'spec.inbound.jwt.issuers[0].jwks',
    'type: URI needs uri',
    issuer({ type: 'URI' }),
  ),
  broken(
    'a key set with both',
    'spec.inbound.jwt.issuers[0].jwks',
    'type: Inline needs inline',
    issuer({ type: 'URI', uri: 'https://a.b/c', inline: '{}' }),
  ),
  misshapen(
    'keys over plain http',
    'spec.inbound.jwt.issuers[0].jwks.uri',
    'should match',
    issuer({ type: 'URI', uri: 'http://a.b/c' }),
  ),
  misshapen('a size with a fraction', 'spec.inbound.limits.maxBodySize', 'should match', {
    inbound: { limits: { maxBodySize: '1.5Mi' } },
  }),
  misshapen('a negative size', 'spec.inbound.limits.maxBodySize', 'should be greater than or equal to 0', {
    inbound: { limits: { maxBodySize: -1 } },
  }),
  broken('empty limits', 'spec.inbound.limits', 'set at least one of maxConnections', {
    inbound: { limits: {} },
  }),
];

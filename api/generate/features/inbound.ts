import type { FeatureTests } from './feature-tests.ts';

const AUTHORIZATION = 'spec.inbound.authorization';

export const INBOUND: readonly FeatureTests[] = [
  {
    file: 'sidecar/data-path.security.test.ts',
    by: 'called side',
    tests: {
      'plaintext under Strict is closed without a word and counted, and never reaches the app': [
        'spec.inbound.mtls.mode',
      ],
      'a rule in Audit mode denies nothing, and says what it would': [`${AUTHORIZATION}.mode`],
    },
  },
  {
    file: 'sidecar/data-path.authorization.test.ts',
    by: 'called side',
    tests: {
      'an Allow rule with … lets in what has it, a Deny rule keeps it out': [
        `${AUTHORIZATION}.rules[].action`,
        `${AUTHORIZATION}.rules[].from[].{serviceAccount,namespace,spiffeId}`,
        `${AUTHORIZATION}.rules[].to[].{methods[],paths[],hosts[],headers[].name,headers[].value}`,
        `${AUTHORIZATION}.rules[].to[].grpc.{service,methods[]}`,
      ],
      'ipBlock is the address the connection comes from, whatever headers say': [
        `${AUTHORIZATION}.rules[].from[].ipBlock`,
      ],
      'a denial by default names the policy the default comes from': [`${AUTHORIZATION}.default`],
    },
  },
  {
    file: 'sidecar/data-path.trails.test.ts',
    by: 'called side',
    tests: {
      'a denial names the request in its answer, and the record says which rule it was': [
        `${AUTHORIZATION}.rules[].name`,
      ],
    },
  },
  {
    file: 'sidecar/data-path.jwt.test.ts',
    by: 'called side',
    tests: {
      'a token signed with … is verified and its claims are what rules ask for': [
        `${AUTHORIZATION}.rules[].when.jwt.{issuer,claims.*}`,
        'spec.inbound.jwt.issuers[].jwks.{type,inline}',
      ],
      'a token the app shall not see is taken out, wherever it came': [
        'spec.inbound.jwt.issuers[].{fromHeaders[],forward}',
      ],
      'tokens of two issuers may come together, two tokens of one may not': [
        'spec.inbound.jwt.issuers[].issuer',
      ],
    },
  },
  {
    file: 'sidecar/data-path.jwt-connections.test.ts',
    by: 'called side',
    tests: {
      'an issuer whose keys could not be had lets nobody in, and the log says so': [
        'spec.inbound.jwt.issuers[].{name,jwks.uri}',
      ],
    },
  },
  {
    file: 'sidecar/data-path.jwt-refused.test.ts',
    by: 'called side',
    tests: {
      'a token that … is refused, and the app hears nothing': [
        'spec.inbound.jwt.issuers[].{issuer,audiences[]}',
      ],
    },
  },
  {
    file: 'sidecar/data-path.rate-limits.test.ts',
    by: 'called side',
    tests: {
      'two callers have a budget each, by identity and by address': [
        'spec.inbound.rateLimit[].{requests,key.type}',
      ],
      'a refused request is told when to come again, and by which limit': [
        'spec.inbound.rateLimit[].{name,per,burst}',
      ],
      'each value of a header has a budget, and requests without it share one': [
        'spec.inbound.rateLimit[].key.header',
      ],
    },
  },
  {
    file: 'sidecar/data-path.limits.test.ts',
    by: 'called side',
    tests: {
      'connections over the limit are closed, those within it go on, also when it is lowered': [
        'spec.inbound.limits.maxConnections',
      ],
      'requests over the limit that wait for the app are refused, and the others get their answer': [
        'spec.inbound.limits.maxPendingRequests',
      ],
      'a request head over the limit is refused, one within it passes, on open connections too': [
        'spec.inbound.limits.maxHeaderSize',
      ],
      'a body of the limit passes, of a length told before or not, and one byte more does not': [
        'spec.inbound.limits.maxBodySize',
      ],
      'an idle connection is closed after the policy’s time, and never with a time of 0': [
        'spec.inbound.limits.idleTimeout',
      ],
    },
  },
];

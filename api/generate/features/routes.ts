import { type FeatureTests, ROUTE } from './feature-tests.ts';

export const ROUTES: readonly FeatureTests[] = [
  {
    file: 'sidecar/data-path.routes.test.ts',
    by: 'caller’s side',
    tests: {
      '… takes the route …': [
        `${ROUTE}.name`,
        `${ROUTE}.match[].{path.type,path.value,methods[],headers[].name,headers[].value,queryParams[].name}`,
      ],
      'retry and timeout of a route hold for its requests only': [`${ROUTE}.retry.attempts`],
    },
  },
  {
    file: 'sidecar/data-path.regex-routes.test.ts',
    by: 'caller’s side',
    tests: {
      'an expression takes …, and the request the route …': [
        `${ROUTE}.match[].{path.type,headers[].type,queryParams[].value,queryParams[].type}`,
      ],
    },
  },
  {
    file: 'sidecar/data-path.backends.test.ts',
    by: 'caller’s side',
    tests: {
      'a route swaps the service for another with nothing but policy, while connections are open': [
        `${ROUTE}.backends[].service`,
      ],
      'requests are split over backends by their weights': [`${ROUTE}.backends[].weight`],
    },
  },
  {
    file: 'sidecar/data-path.mirror.test.ts',
    by: 'caller’s side',
    tests: {
      'a request … is copied as it is sent': [`${ROUTE}.mirror.service`],
      'a percentage of requests is copied': [`${ROUTE}.mirror.percent`],
    },
  },
  {
    file: 'sidecar/data-path.route-actions.test.ts',
    by: 'caller’s side',
    tests: {
      'rewrite: …': [`${ROUTE}.rewrite.path.{type,value}`],
      'rewrite: the host is replaced, and the app sees no other': [`${ROUTE}.rewrite.host`],
      'redirect: …, and no endpoint is asked': [
        `${ROUTE}.redirect.{scheme,host,port,path.type,path.value,status}`,
      ],
      'headers: removed, set and added on the way to the app, and on the way back': [
        `${ROUTE}.headers.request.{set[].name,set[].value,add[].name,add[].value,remove[]}`,
        `${ROUTE}.headers.response.{set[].name,set[].value,add[].name,add[].value,remove[]}`,
      ],
    },
  },
  {
    file: 'sidecar/data-path.faults.test.ts',
    by: 'caller’s side',
    tests: {
      'an abort answers with its status, says so, and sends nothing': [`${ROUTE}.fault.abort.status`],
      'an abort hits as many as its percentage says': [`${ROUTE}.fault.abort.percent`],
      'a delay holds the request back, and only then it is sent': [`${ROUTE}.fault.delay.{percent,duration}`],
      'an answer comes at the bandwidth that was set, whole and in order': [`${ROUTE}.fault.bandwidth`],
    },
  },
];

export const RETRIES: readonly FeatureTests[] = [
  {
    file: 'sidecar/data-path.timeouts.test.ts',
    by: 'caller’s side',
    tests: {
      'an endpoint that does not take the connection in time is given up for another': [
        'spec.traffic.timeout.connect',
      ],
      'the request timeout of the destination holds for routes that have none, and 0 is none': [
        'spec.traffic.timeout.request',
        `${ROUTE}.timeout.request`,
      ],
      'an attempt that takes too long is answered in its place where nothing is retried': [
        `${ROUTE}.timeout.attempt`,
      ],
      'a request without a byte either way for the idle timeout of its destination or route is answered': [
        'spec.traffic.timeout.idle',
        `${ROUTE}.timeout.idle`,
      ],
    },
  },
  {
    file: 'sidecar/data-path.retries.test.ts',
    by: 'caller’s side',
    tests: {
      'a … that … lists is tried again, and the client sees the answer that came then': [
        `${ROUTE}.retry.{conditions[],codes[]}`,
      ],
      'the last answer goes to the client when the attempts are used up': [`${ROUTE}.retry.attempts`],
      'a POST is sent once, unless the policy says nonIdempotent': [`${ROUTE}.retry.nonIdempotent`],
    },
  },
  {
    file: 'sidecar/data-path.backoff.test.ts',
    by: 'caller’s side',
    tests: {
      'the time between attempts is no shorter than base, and no longer than max': [
        `${ROUTE}.retry.backoff.{base,max}`,
      ],
    },
  },
  {
    file: 'sidecar/data-path.retry-limits.test.ts',
    by: 'caller’s side',
    tests: {
      'the budget bounds the retries of a destination, not those of one request': [
        'spec.traffic.retryBudget.percent',
      ],
      'the reserve of the budget lets a destination that is seldom asked have its retries': [
        'spec.traffic.retryBudget.minPerSecond',
      ],
      'maxRetries bounds how many requests are being tried again at once': [
        'spec.traffic.circuitBreaker.maxRetries',
      ],
    },
  },
];

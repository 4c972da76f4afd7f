import type { FeatureTests } from './feature-tests.ts';

export const DESTINATIONS: readonly FeatureTests[] = [
  {
    file: 'sidecar/data-path.http2.test.ts',
    by: 'both sides',
    tests: {
      'on a port declared … each request of HTTP/2 is told by whom, and no app is told lies': [
        'spec.traffic.protocol',
      ],
    },
  },
  {
    file: 'sidecar/data-path.balancing.test.ts',
    by: 'caller’s side',
    tests: {
      'PeakEWMA avoids an endpoint that is slow': ['spec.traffic.loadBalancing.algorithm'],
      'RoundRobin gives every endpoint the same number of requests': ['spec.traffic.loadBalancing.algorithm'],
      'LeastRequest leaves an endpoint alone that is busy': ['spec.traffic.loadBalancing.algorithm'],
      '… sends what has the same header value to the same endpoint, and spreads the values': [
        'spec.traffic.loadBalancing.{algorithm,hash.type,hash.header}',
      ],
      'a hash by source keeps to one endpoint': ['spec.traffic.loadBalancing.hash.type'],
      'PreferSameZone keeps requests in the zone of the caller, and leaves it when nobody is there': [
        'spec.traffic.loadBalancing.locality',
      ],
    },
  },
  {
    file: 'sidecar/data-path.spreading.test.ts',
    by: 'caller’s side',
    tests: {
      'Random asks every endpoint': ['spec.traffic.loadBalancing.algorithm'],
      'an endpoint that joins gets a small share of requests while slowStart lasts, and an equal one without':
        ['spec.traffic.loadBalancing.slowStart'],
    },
  },
  {
    file: 'sidecar/data-path.circuit-breaker.test.ts',
    by: 'caller’s side',
    tests: {
      'more requests at once than maxRequests are refused, and accepted again when there is room': [
        'spec.traffic.circuitBreaker.maxRequests',
      ],
      'requests beyond maxConnections wait for a connection to come back, in their order': [
        'spec.traffic.circuitBreaker.{maxConnections,maxPendingRequests}',
      ],
    },
  },
  {
    file: 'sidecar/data-path.ejections.test.ts',
    by: 'caller’s side',
    tests: {
      'an endpoint that answers 5xx is taken out by the policy, and comes back when its time is over': [
        'spec.traffic.outlierDetection.{consecutiveErrors,baseEjection}',
      ],
    },
  },
  {
    file: 'sidecar/data-path.unhealthy.test.ts',
    by: 'caller’s side',
    tests: {
      'an endpoint that fails its health checks gets no requests until it passes them again': [
        'spec.traffic.healthCheck.{path,interval,unhealthyAfter,healthyAfter}',
      ],
    },
  },
  {
    file: 'sidecar/data-path.health-checks.test.ts',
    by: 'caller’s side',
    tests: {
      'an endpoint whose gRPC health service says NOT_SERVING gets no calls until it says SERVING again': [
        'spec.traffic.healthCheck.grpc.service',
      ],
      'an endpoint declared … that speaks HTTP/2 only is asked for a path over HTTP/2': [
        'spec.traffic.healthCheck.path',
      ],
    },
  },
  {
    file: 'sidecar/data-path.outliers.test.ts',
    by: 'caller’s side',
    tests: {
      'an endpoint whose success rate is far below the mean of all is taken out when the interval is over': [
        'spec.traffic.outlierDetection.{interval,successRate.stdevFactorThousandths}',
      ],
      'the success rate of … takes nobody out': ['spec.traffic.outlierDetection.successRate.minimumHosts'],
      'no more endpoints are out at once than maxEjectedPercent allows': [
        'spec.traffic.outlierDetection.maxEjectedPercent',
      ],
      'an answer to a health check that takes longer than its timeout is none': [
        'spec.traffic.healthCheck.timeout',
      ],
    },
  },
];

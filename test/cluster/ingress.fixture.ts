import { testAppImage } from './images.ts';
import { INGRESS, namespace, SHOP } from './policies.fixture.ts';

/** Who the ingress is to those whom it calls. */
export const INGRESS_ID = `spiffe://cluster.local/ns/${INGRESS}/sa/ingress`;
/** where it is called from outside: by way of its sidecar, and past it */
export const BY_SIDECAR = 8080;
export const PAST_SIDECAR = 8081;
/** of a pod on which nobody listens: what an ingress dials for a moment after a pod has gone */
const NOBODY = 8099;

/** As the controllers write it: the outside's Host goes on, and the addresses are those that were found by the API. */
const config = (podIPs: readonly string[]) => `
  worker_processes 1;
  error_log stderr;
  pid /tmp/nginx.pid;
  events {}
  http {
    access_log off;
    upstream pods { ${podIPs.map((ip) => `server ${ip}:8080 max_fails=0;`).join(' ')} keepalive 8; }
    upstream service { server api.${SHOP}.svc:80 max_fails=0; keepalive 8; }
    upstream half { server ${podIPs[0]}:${NOBODY} max_fails=0; server ${podIPs[1]}:8080 max_fails=0; }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Real-IP $http_weft_caller_address;
    server {
      listen ${BY_SIDECAR};
      listen ${PAST_SIDECAR};
      location = /healthz { return 200 well; }
      location /pods/ { proxy_pass http://pods/; }
      location /service/ { proxy_pass http://service/; }
      location /half/ { proxy_pass http://half/; }
      location /whole/ { proxy_pass http://half/; proxy_next_upstream error timeout http_502; }
    }
  }`;

const named = { name: 'ingress', namespace: INGRESS };
const labels = { app: 'ingress' };
const policy = (name: string, spec: object) => ({
  ...{ apiVersion: 'weft.dev/v1alpha1', kind: 'MeshPolicy', metadata: { name, namespace: INGRESS }, spec },
});

function deployment(podIPs: readonly string[]): object {
  const script = `printf '%s' "$CONFIG" > /tmp/nginx.conf && exec nginx -c /tmp/nginx.conf -g 'daemon off;'`;
  const container = {
    ...{ name: 'app', image: testAppImage, imagePullPolicy: 'IfNotPresent', command: ['sh', '-c', script] },
    env: [{ name: 'CONFIG', value: config(podIPs) }],
    ports: [{ name: 'http', containerPort: BY_SIDECAR }],
    readinessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 1 },
  };
  const annotations = { 'weft.dev/skip-inbound-ports': String(PAST_SIDECAR) };
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { ...named, labels } },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations },
        spec: { serviceAccountName: 'ingress', terminationGracePeriodSeconds: 1, containers: [container] },
      },
    },
  };
}

/** An ingress in a namespace in which everything is Strict but what the outside calls; it has the api's pods. */
export function ingressWorkloads(podIPs: readonly string[]): object[] {
  const target = { kind: 'Workload', selector: { matchLabels: labels }, ports: ['http'] };
  return [
    namespace(INGRESS, true),
    policy('strict', { inbound: { mtls: { mode: 'Strict' } } }),
    policy('from-outside', { target, inbound: { mtls: { mode: 'Permissive' } } }),
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: named },
    deployment(podIPs),
  ];
}

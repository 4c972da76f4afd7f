import type { KeyPair } from './certificates.ts';
import { testAppImage } from './images.ts';

const container = (name: string, command: string[], more: object = {}) => ({
  name,
  image: testAppImage,
  imagePullPolicy: 'IfNotPresent',
  command,
  ...more,
});

const serve = (answer: string) => [
  'node',
  '-e',
  `console.log('serving'); require('http').createServer((_, answer) => answer.end(${answer})).listen(8080)`,
];

const meta = (namespace: string, name: string) => ({ name, namespace, labels: { app: name } });
const spec = (containers: object[], more: object = {}) => ({
  containers,
  terminationGracePeriodSeconds: 0,
  ...more,
});

/** Two pods that answer with their names, and their Service. */
export function web(namespace: string): object[] {
  const readinessProbe = { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 };
  const template = {
    metadata: { labels: { app: 'web' } },
    spec: spec([container('web', serve('process.env.HOSTNAME'), { readinessProbe })]),
  };
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: meta(namespace, 'web'),
      spec: { replicas: 2, selector: { matchLabels: { app: 'web' } }, template },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: meta(namespace, 'web'),
      spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    },
  ];
}

export function client(namespace: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: meta(namespace, 'client'),
    spec: spec([container('client', ['sleep', 'infinity'])]),
  };
}

/** A pod whose native sidecar serves the main container. */
export function withSidecar(namespace: string): object {
  const startupProbe = { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 };
  const sidecar = container('sidecar', serve("'from the sidecar'"), {
    restartPolicy: 'Always',
    startupProbe,
  });
  const main = container('main', ['sh', '-c', 'curl --silent --fail http://127.0.0.1:8080/']);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: meta(namespace, 'with-sidecar'),
    spec: spec([main], { initContainers: [sidecar], restartPolicy: 'Never' }),
  };
}

/** A pod whose init container sends port 80 to 8080 and prints the rules that the kernel then has. */
export function withRules(namespace: string): object {
  const rules = '*nat\\n-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080\\nCOMMIT\\n';
  const init = container(
    'init',
    ['sh', '-c', `printf '${rules}' | iptables-restore && iptables-save -t nat`],
    {
      securityContext: { capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] } },
    },
  );
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: meta(namespace, 'with-rules'),
    spec: spec([container('main', serve("'redirected'"))], { initContainers: [init] }),
  };
}

/** A webhook behind a Service that refuses the config maps of its namespace named `refused`. */
export function webhook(namespace: string, authority: string, server: KeyPair): object[] {
  const script = `
    const answerTo = ({ uid, name }) => ({ uid, allowed: name !== 'refused', status: { message: 'refused by the webhook' } });
    require('https').createServer({ cert: process.env.CERT, key: process.env.KEY }, (asked, answer) => {
      let text = '';
      asked.on('data', (piece) => (text += piece)).on('end', () => answer.end(JSON.stringify(text
        ? { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answerTo(JSON.parse(text).request) }
        : {})));
    }).listen(8443)`;
  const env = [
    { name: 'CERT', value: server.certificate },
    { name: 'KEY', value: server.key },
  ];
  const readinessProbe = { httpGet: { path: '/', port: 8443, scheme: 'HTTPS' }, periodSeconds: 1 };
  return [
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: meta(namespace, 'webhook'),
      spec: spec([container('webhook', ['node', '-e', script], { env, readinessProbe })]),
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: meta(namespace, 'webhook'),
      spec: { selector: { app: 'webhook' }, ports: [{ port: 443, targetPort: 8443 }] },
    },
    webhookConfiguration(namespace, authority),
  ];
}

function webhookConfiguration(namespace: string, authority: string): object {
  const caBundle = Buffer.from(authority).toString('base64');
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: namespace },
    webhooks: [
      {
        name: 'config-maps.weft.test',
        clientConfig: { service: { namespace, name: 'webhook', path: '/' }, caBundle },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        failurePolicy: 'Ignore',
      },
    ],
  };
}

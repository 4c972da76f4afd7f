import { createServer, type Server } from 'node:https';
import type { AdmissionregistrationV1Api } from '@kubernetes/client-node';

/** What is served by the injector, and what by nobody. */
export const NAMESPACE = 'shop';
export const NEVER_SERVED = 'nobody';
/** Pods with this label meet another webhook after ours. */
export const OTHER_LABEL = { 'example.com/intruder': 'wanted' };
const RULE = { apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE', 'UPDATE'] };

export const probed = {
  name: 'app',
  image: 'app:1',
  livenessProbe: { httpGet: { path: '/live', port: 8080 } },
  readinessProbe: { tcpSocket: { port: 8080 } },
};

/** Puts a container with a probe before all others, as webhooks that come later may. */
export async function startOtherWebhook(tls: { cert: string; key: string }): Promise<Server> {
  const container = { ...probed, name: 'intruder', restartPolicy: 'Always' };
  const patch = [{ op: 'add', path: '/spec/initContainers/0', value: container }];
  const server = createServer(tls, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { uid } = JSON.parse(Buffer.concat(chunks).toString()).request;
    const answer = {
      uid,
      allowed: true,
      patchType: 'JSONPatch',
      patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
    };
    const review = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(review));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** `ports` of the injector and of the other webhook, both on loopback; `authority` (PEM) signed them. */
export async function createWebhook(
  api: AdmissionregistrationV1Api,
  ports: { readonly up: number; readonly other: number },
  authority: string,
): Promise<void> {
  const webhook = (name: string, namespace: string, port: number) => ({
    name: `${name}.injector.weft.dev`,
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    failurePolicy: 'Fail',
    reinvocationPolicy: 'IfNeeded',
    timeoutSeconds: 10,
    clientConfig: {
      url: `https://127.0.0.1:${port}/inject`,
      caBundle: Buffer.from(authority).toString('base64'),
    },
    rules: [RULE],
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
  });
  await api.createMutatingWebhookConfiguration({
    body: {
      metadata: { name: 'weft-injector' },
      // Nothing listens on port 9 of a loopback interface.
      webhooks: [
        webhook('up', NAMESPACE, ports.up),
        {
          ...webhook('other', NAMESPACE, ports.other),
          reinvocationPolicy: 'Never',
          objectSelector: { matchLabels: OTHER_LABEL },
        },
        webhook('down', NEVER_SERVED, 9),
      ],
    },
  });
}

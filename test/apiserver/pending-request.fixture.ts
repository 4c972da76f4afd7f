import { KubeConfig } from '@kubernetes/client-node';
import { systemClock } from '../../operator/clock.ts';
import { generateKeys } from '../../operator/identity/leaf-keys.ts';
import { signingRequest } from '../../operator/identity/signing-request.ts';
import { ApiClient } from '../../operator/kubernetes/api-client.ts';
import { CertManager } from '../../operator/kubernetes/cert-manager.ts';

/** A process that asks cert-manager for a certificate and waits; its test kills it. Argument: the namespace. */
const kubeConfig = new KubeConfig();
kubeConfig.loadFromDefault();
const manager = new CertManager({
  api: new ApiClient(kubeConfig),
  namespace: process.argv[2]!,
  issuer: { kind: 'ClusterIssuer', name: 'mesh-ca', group: 'cert-manager.io' },
  clock: systemClock,
  signal: new AbortController().signal,
});
const request = await signingRequest(await generateKeys(), { spiffeId: undefined, dnsNames: ['pending'] });
await manager.sign(request, 3_600_000);

import type { AdmissionContext } from './admit.ts';
import { readSettings, type SidecarSettings } from './settings.ts';

/** Plain JSON, as an API server sends it. */
// biome-ignore lint/suspicious/noExplicitAny: tests reach into arbitrary places of a pod
export type Json = any;

export const TRUST_BUNDLE = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
export const PROXY_ID = 'abcdefghij0123456789';
export const IMAGE = 'registry.example.com/weft:1.0';

export function podFixture(spec: object = {}, metadata: object = {}): Json {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { generateName: 'shop-', ...metadata },
    spec: { containers: [{ name: 'app', image: 'app:1' }], ...spec },
  };
}

export function sidecarSettings(env: Record<string, string> = {}): SidecarSettings {
  return readSettings({
    WEFT_IMAGE: IMAGE,
    WEFT_SIDECAR_CPU_REQUEST: '20m',
    WEFT_SIDECAR_MEMORY_REQUEST: '64Mi',
    WEFT_SIDECAR_MEMORY_LIMIT: '256Mi',
    ...env,
  }).sidecar;
}

export function admissionContext(
  env: Record<string, string> = {},
  more: Partial<AdmissionContext> = {},
): AdmissionContext {
  return { settings: sidecarSettings(env), trustBundle: TRUST_BUNDLE, proxyId: PROXY_ID, ...more };
}

export function requestFixture(object: unknown, more: object = {}) {
  return {
    uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
    operation: 'CREATE',
    resource: { group: '', version: 'v1', resource: 'pods' },
    subResource: '',
    namespace: 'shop',
    dryRun: false,
    object,
    ...more,
  };
}

export function reviewFixture(object: unknown, more: object = {}): Json {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: requestFixture(object, more),
  };
}

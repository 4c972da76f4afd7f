import { ROTATION_FILE, TRUST_BUNDLE_CONFIG_MAP } from '../../api/ca-report.ts';
import type { ApiClient } from './api-client.ts';
import { isNotFound } from './api-error.ts';
import type { ConfigMapObject } from './objects.ts';
import { CONFIG_MAPS, namespacedPath, objectPath } from './resources.ts';

export const TRUST_BUNDLE_KEY = 'ca.crt';

/** Writes the trust bundle (PEM, one or more roots) into the ConfigMap, unless it says the same already. */
export function publishTrustBundle(api: ApiClient, namespace: string, bundle: string): Promise<void> {
  return publish(api, namespace, TRUST_BUNDLE_KEY, bundle);
}

/** Writes the report on the rotation beside it. @param report JSON of api/ca-report.ts */
export function publishRotation(api: ApiClient, namespace: string, report: string): Promise<void> {
  return publish(api, namespace, ROTATION_FILE, report);
}

async function publish(api: ApiClient, namespace: string, key: string, text: string): Promise<void> {
  const existing = await readConfigMap(api, namespace);
  const data = { ...existing?.data, [key]: text };
  if (existing === undefined) {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: TRUST_BUNDLE_CONFIG_MAP }, data };
    await api.request('POST', namespacedPath(CONFIG_MAPS, namespace), { body });
  } else if (existing.data?.[key] !== text) {
    const body = { ...existing, data };
    await api.request('PUT', objectPath(CONFIG_MAPS, namespace, TRUST_BUNDLE_CONFIG_MAP), { body });
  }
}

async function readConfigMap(api: ApiClient, namespace: string): Promise<ConfigMapObject | undefined> {
  try {
    return await api.request<ConfigMapObject>(
      'GET',
      objectPath(CONFIG_MAPS, namespace, TRUST_BUNDLE_CONFIG_MAP),
    );
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

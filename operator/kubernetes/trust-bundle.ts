import type { ApiClient } from './api-client.ts';
import { isNotFound } from './api-error.ts';
import type { ConfigMapObject } from './objects.ts';
import { CONFIG_MAPS, namespacedPath, objectPath } from './resources.ts';

/** Where the injector reads the roots it hands to pods. */
export const TRUST_BUNDLE_CONFIG_MAP = 'weft-trust-bundle';
export const TRUST_BUNDLE_KEY = 'ca.crt';

/** Writes the trust bundle (PEM, one or more roots) into the ConfigMap, unless it says the same already. */
export async function publishTrustBundle(api: ApiClient, namespace: string, bundle: string): Promise<void> {
  const existing = await readConfigMap(api, namespace);
  const data = { ...existing?.data, [TRUST_BUNDLE_KEY]: bundle };
  if (existing === undefined) {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: TRUST_BUNDLE_CONFIG_MAP }, data };
    await api.request('POST', namespacedPath(CONFIG_MAPS, namespace), { body });
  } else if (existing.data?.[TRUST_BUNDLE_KEY] !== bundle) {
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

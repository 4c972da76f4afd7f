/** Who there is in the shop, who calls whom, and who may. */

export const SHOP = 'chaos';
/** of a namespace without the mesh, where somebody tries plaintext */
export const STREET = 'chaos-street';

/** What faults befall: Deployments of servers. Two of them are versions of one service. */
export const DEPLOYMENTS = ['web', 'catalog-v1', 'catalog-v2', 'orders', 'payments'] as const;
export type Deployment = (typeof DEPLOYMENTS)[number];

/** Nobody is alone, so that whoever goes leaves another. */
export const REPLICAS = 2;

export const SERVICES = ['web', 'catalog', 'orders', 'payments'] as const;
export type Service = (typeof SERVICES)[number];

export const serviceOf = (deployment: Deployment): Service => deployment.split('-')[0] as Service;

/** method → who is called for it, before the answer */
export const CALLS: Readonly<Record<Service, Readonly<Record<string, Service>>>> = {
  web: { GET: 'catalog', POST: 'orders' },
  catalog: {},
  orders: { GET: 'catalog', POST: 'payments' },
  payments: {},
};

/** Whom the policies of the shop let in; all others are denied. */
export const MAY_CALL: Readonly<Record<Service, readonly string[]>> = {
  web: ['shopper'],
  catalog: ['shopper', 'web', 'orders'],
  orders: ['shopper', 'web'],
  payments: ['orders'],
};

export const isAllowed = (from: string, to: string): boolean =>
  MAY_CALL[to as Service]?.includes(from) ?? false;

export const identityOf = (from: string): string => `spiffe://cluster.local/ns/${SHOP}/sa/${from}`;

/** Those that call by themselves: a customer, somebody nothing is allowed to, and one without a sidecar. */
export const STREAMS = {
  shopper: [
    { method: 'GET', to: 'web', workers: 2, pauseMs: 80 },
    { method: 'POST', to: 'web', workers: 2, pauseMs: 80 },
    { method: 'GET', to: 'catalog', workers: 1, pauseMs: 80 },
    { method: 'POST', to: 'orders', workers: 1, pauseMs: 80 },
    { method: 'POST', to: 'payments', workers: 1, pauseMs: 400 },
  ],
  intruder: [
    { method: 'GET', to: 'catalog', workers: 1, pauseMs: 400 },
    { method: 'POST', to: 'orders', workers: 1, pauseMs: 400 },
    { method: 'POST', to: 'payments', workers: 1, pauseMs: 200 },
  ],
  plain: SERVICES.map((service) => ({
    ...{ method: 'POST', to: `${service}.${SHOP}`, workers: 1, pauseMs: 400 },
  })),
} as const;
export type Client = keyof typeof STREAMS;

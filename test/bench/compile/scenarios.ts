import type { Change } from '../../../operator/mesh/model.ts';
import { policy } from '../../../operator/testing/builders.ts';
import {
  type App,
  callersSpec,
  change,
  meshWide,
  PODS_PER_APP,
  podsOf,
  routesSpec,
  sliceOf,
} from './meshes.ts';
import type { Written } from './sink.ts';

/** One kind of change; `turn` makes each of its kind differ from the one before. */
export interface Scenario {
  readonly name: string;
  readonly change: (apps: readonly App[], turn: number) => Change[];
  /** what it must bring to sidecars: a change that reaches nobody would be cheap */
  readonly brings: (workloads: number) => Partial<Written>;
  /** milliseconds of CPU, on the mesh that the target is about */
  readonly targetMs?: number;
  /** costs what the mesh is large */
  readonly isMeshWide?: boolean;
}

const CALLERS = 4 * PODS_PER_APP;

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'policy of 10 proxies (inbound)',
    change: (apps, turn) => {
      const app = appOf(apps, turn);
      const key = `${app.namespace}/${app.name}-callers`;
      return [change('Policy', policy(key, callersSpec(app, turn + 2), { generation: turn + 2 }))];
    },
    brings: () => ({ configs: PODS_PER_APP, destinations: 0 }),
    targetMs: 20,
  },
  {
    name: 'policy of 1 Service (routes), 40 callers',
    change: (apps, turn) => {
      const app = appOf(apps, turn);
      const key = `${app.namespace}/${app.name}-routes`;
      return [change('Policy', policy(key, routesSpec(app, turn + 2), { generation: turn + 2 }))];
    },
    brings: () => ({ destinations: CALLERS }),
    targetMs: 20,
  },
  {
    name: 'an endpoint is not ready, 40 callers',
    change: (apps, turn) => {
      const app = appOf(apps, turn);
      const whole = sliceOf(app, apps.indexOf(app));
      const unready = Math.floor(turn / apps.length) % PODS_PER_APP;
      const endpoints = whole.endpoints.map((each, index) => ({ ...each, ready: index !== unready }));
      return [change('EndpointSlice', { ...whole, endpoints })];
    },
    brings: () => ({ configs: 0, destinations: CALLERS }),
  },
  {
    name: 'a pod is replaced',
    change: (apps, turn) => {
      const app = appOf(apps, turn);
      const [pod] = podsOf(app, apps.indexOf(app));
      return [{ ...pod, value: { ...pod!.value, serviceAccount: `account-${turn}` } } as Change];
    },
    brings: () => ({ configs: 1 }),
  },
  {
    name: 'policy of the mesh',
    change: (_apps, turn) => [
      change('Policy', policy('weft-system/all', meshWide(turn + 2), { generation: turn + 2 })),
    ],
    brings: (workloads) => ({ configs: workloads }),
    isMeshWide: true,
  },
];

/** Another app every turn. */
function appOf(apps: readonly App[], turn: number): App {
  return apps[(turn * 7) % apps.length]!;
}

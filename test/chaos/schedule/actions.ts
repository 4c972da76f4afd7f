import { DEPLOYMENTS, type Deployment } from '../shop/shop.ts';

/** What is done to the shop and to the mesh it is in: plain data, so that a schedule can be printed and compared. */
export type Action =
  /** nothing, for so long that whatever was before must be over */
  | { readonly kind: 'calm' }
  /** all pods of it replaced, one by one */
  | { readonly kind: 'rollout'; readonly of: Deployment }
  /** more pods, and then as many as before */
  | { readonly kind: 'scale'; readonly of: Deployment; readonly to: number }
  /** SIGKILL to the app, or to the sidecar, of one pod */
  | { readonly kind: 'kill-app' | 'kill-sidecar'; readonly of: Deployment }
  /** one pod deleted with no time to say goodbye */
  | { readonly kind: 'delete-pod'; readonly of: Deployment }
  /** packets to one pod dropped: all, or one in twenty */
  | { readonly kind: 'cut' | 'loss'; readonly of: Deployment; readonly seconds: number }
  /** one operator deleted with no time to say goodbye */
  | { readonly kind: 'kill-operator'; readonly which: 'leader' | 'other' }
  | { readonly kind: 'kill-injector' }
  /** no operator at all for some time, in which something else happens */
  | { readonly kind: 'operator-away'; readonly seconds: number; readonly meanwhile: Meanwhile }
  /** no injector for some time, in which a pod is wanted that needs it */
  | { readonly kind: 'injector-away'; readonly of: Deployment; readonly seconds: number }
  | { readonly kind: 'api-server-away'; readonly seconds: number; readonly meanwhile: Meanwhile }
  /** policies that change no verdict come and go so often */
  | { readonly kind: 'flap-policy'; readonly times: number }
  /** shares of requests to the catalog that its versions get */
  | { readonly kind: 'canary'; readonly weights: readonly [number, number] }
  /** the root is due: the next one is made, handed out, and takes over while the run goes on */
  | { readonly kind: 'rotate-root' };

/** What does not need the API server. */
export type Meanwhile = Extract<Action, { readonly kind: 'calm' | 'kill-app' | 'kill-sidecar' }>;
export type Kind = Action['kind'];

/** Whether callers may feel it at all. What is done on any day without harm must do none here. */
export const IS_FELT: Readonly<Record<Kind, boolean>> = {
  calm: false,
  rollout: false,
  scale: false,
  'kill-app': true,
  'kill-sidecar': true,
  'delete-pod': true,
  cut: true,
  loss: true,
  'kill-operator': false,
  'kill-injector': false,
  'operator-away': true,
  'injector-away': false,
  'api-server-away': true,
  'flap-policy': false,
  canary: false,
  'rotate-root': false,
};

/** What a run may do without: all but to be left alone. */
export const isKind = (text: string): text is Exclude<Kind, 'calm'> => Object.hasOwn(WEIGHTS, text);
export const allKinds = (): string[] => Object.keys(WEIGHTS);

/** Whether it is of one of these kinds, or what is done meanwhile is. */
export const isOf = (kinds: ReadonlySet<Kind>, action: Action): boolean =>
  kinds.has(action.kind) || ('meanwhile' in action && kinds.has(action.meanwhile.kind));

/** How often one is chosen, compared with the others. */
const WEIGHTS: Readonly<Record<Exclude<Kind, 'calm'>, number>> = {
  rollout: 3,
  scale: 2,
  'kill-app': 3,
  'kill-sidecar': 3,
  'delete-pod': 3,
  cut: 2,
  loss: 1,
  'kill-operator': 2,
  'kill-injector': 1,
  'operator-away': 2,
  'injector-away': 1,
  'api-server-away': 1,
  'flap-policy': 2,
  canary: 2,
  'rotate-root': 1,
};

/** Seconds that are planned for one, itself included and what the machine needs afterwards. */
const PLANNED_SECONDS: Readonly<Record<Kind, number>> = {
  calm: 35,
  rollout: 30,
  scale: 25,
  'kill-app': 6,
  'kill-sidecar': 6,
  'delete-pod': 6,
  cut: 4,
  loss: 4,
  'kill-operator': 8,
  'kill-injector': 6,
  'operator-away': 12,
  'injector-away': 30,
  'api-server-away': 15,
  'flap-policy': 10,
  canary: 6,
  'rotate-root': 4,
};
/** After an API server that was killed Kubernetes takes a minute to make pods again. */
const WITHOUT_CONTROLLERS_SECONDS = 75;

export function plannedSeconds(action: Action): number {
  return PLANNED_SECONDS[action.kind] + ('seconds' in action ? action.seconds : 0);
}

/** Deployments of which this takes a pod away, or the API's knowledge of one. */
export function takesFrom(action: Action): Deployment | undefined {
  switch (action.kind) {
    case 'kill-app':
    case 'kill-sidecar':
    case 'delete-pod':
    case 'cut':
    case 'loss':
      return action.of;
    case 'operator-away':
    case 'api-server-away':
      return takesFrom(action.meanwhile);
    default:
      return undefined;
  }
}

/** For how many seconds after its end this needs what is left of the deployment. */
export const RESPITE_SECONDS = 45;

/** Whether new pods have to come for it. */
export const needsNewPods = ({ kind }: Action): boolean =>
  kind === 'rollout' || kind === 'scale' || kind === 'delete-pod' || kind === 'injector-away';

/** For how many seconds after its end Kubernetes makes no pods. */
export const stopsPods = ({ kind }: Action): number =>
  kind === 'api-server-away' ? WITHOUT_CONTROLLERS_SECONDS : 0;

export type Random = () => number;
const among = <T>(random: Random, all: readonly T[]): T => all[Math.floor(random() * all.length)]!;
const between = (random: Random, least: number, most: number): number =>
  least + Math.floor(random() * (most - least + 1));

function chooseKind(random: Random): Exclude<Kind, 'calm'> {
  const entries = Object.entries(WEIGHTS) as [Exclude<Kind, 'calm'>, number][];
  let left = random() * entries.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [kind, weight] of entries) {
    left -= weight;
    if (left < 0) return kind;
  }
  return 'rollout';
}

function chooseMeanwhile(random: Random): Meanwhile {
  const kind = among(random, ['calm', 'kill-app', 'kill-sidecar'] as const);
  return kind === 'calm' ? { kind } : { kind, of: among(random, DEPLOYMENTS) };
}

/** Any action but calm, with all it needs. */
export function chooseAction(random: Random): Action {
  const kind = chooseKind(random);
  const of = among(random, DEPLOYMENTS);
  switch (kind) {
    case 'rollout':
    case 'kill-app':
    case 'kill-sidecar':
    case 'delete-pod':
      return { kind, of };
    case 'scale':
      return { kind, of, to: between(random, 3, 4) };
    case 'cut':
    case 'loss':
      return { kind, of, seconds: between(random, 5, 15) };
    case 'kill-operator':
      return { kind, which: among(random, ['leader', 'other']) };
    case 'operator-away':
    case 'api-server-away':
      return { kind, seconds: between(random, 5, 15), meanwhile: chooseMeanwhile(random) };
    case 'injector-away':
      return { kind, of, seconds: between(random, 5, 10) };
    case 'flap-policy':
      return { kind, times: between(random, 2, 6) };
    case 'canary': {
      const first = between(random, 0, 10) * 10;
      return { kind, weights: [first, 100 - first] };
    }
    case 'kill-injector':
    case 'rotate-root':
      return { kind };
  }
}

/** `cut web 12 s`, `api-server-away 8 s meanwhile kill-app orders` */
export function describe(action: Action): string {
  const words: string[] = [action.kind];
  if ('of' in action) words.push(action.of);
  if ('to' in action) words.push(`to ${action.to}`);
  if ('which' in action) words.push(action.which);
  if ('weights' in action) words.push(action.weights.join(':'));
  if ('times' in action) words.push(`${action.times} times`);
  if ('seconds' in action) words.push(`${action.seconds} s`);
  if ('meanwhile' in action && action.meanwhile.kind !== 'calm') {
    words.push(`meanwhile ${describe(action.meanwhile)}`);
  }
  return words.join(' ');
}

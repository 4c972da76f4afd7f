import { systemClock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import { ListWatch } from '../list-watch.ts';
import type { KubernetesObject } from '../objects.ts';
import { type ObjectChange, Reflector, type ReflectorTimings } from '../reflector.ts';
import { ScriptedApi, silentLog } from './scripted-api.ts';
import { until } from './until.ts';

type Changes = readonly ObjectChange<KubernetesObject>[];

const TIMINGS: ReflectorTimings = {
  backoff: { baseMs: 1, maxMs: 5 },
  relistMs: 60_000,
  watchMs: 60_000,
  silenceMs: 60_000,
  graceMs: 60_000,
};

/** Reflectors of pods over a scripted API server, and the world as they tell it. */
export class ReflectorHarness {
  readonly api: ScriptedApi;
  readonly delivered: ObjectChange<KubernetesObject>[] = [];
  /** key → resourceVersion */
  readonly world = new Map<string, string | undefined>();
  readonly #reflectors: Reflector<KubernetesObject>[] = [];

  private constructor(api: ScriptedApi) {
    this.api = api;
  }
  static async create(): Promise<ReflectorHarness> {
    return new ReflectorHarness(await ScriptedApi.start());
  }

  start(
    timings: Partial<ReflectorTimings> = {},
    log: Log = silentLog,
    deliver = this.apply,
    isOptional = false,
  ) {
    const reflector = new Reflector<KubernetesObject>({
      name: 'pods',
      source: new ListWatch(this.api.client, { path: '/api/v1/pods', labelSelector: 'a=b' }, systemClock),
      deliver,
      log,
      clock: systemClock,
      random: () => 0.5,
      isOptional,
      timings: { ...TIMINGS, ...timings },
    });
    this.#reflectors.push(reflector);
    reflector.start();
    return reflector;
  }

  readonly apply = (changes: Changes): void => {
    this.delivered.push(...changes);
    for (const { key, object } of changes) {
      if (object === undefined) this.world.delete(key);
      else this.world.set(key, object.metadata?.resourceVersion);
    }
  };

  worldIs(wanted: Record<string, string>): Promise<void> {
    const entries = Object.entries(wanted);
    const holds = () =>
      this.world.size === entries.length && entries.every(([key, value]) => this.world.get(key) === value);
    return until(JSON.stringify(wanted), holds);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()));
    await this.api.stop();
  }
}

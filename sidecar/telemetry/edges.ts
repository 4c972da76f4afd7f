import { LabelSets } from './label-sets.ts';
import type { Direction, Parties, Party } from './parties.ts';

/** Who talks to whom, in sums since the start. `source` and `destination` are `<namespace>/<workload>`. */
export interface Edge {
  readonly direction: Direction;
  readonly source: string;
  readonly destination: string;
  readonly service: string;
  readonly encrypted: boolean;
  allowed: number;
  denied: number;
  errors: number;
}

const MAX_EDGES_PER_DIRECTION = 1_000;

export class Edges {
  readonly #edges = new LabelSets<Edge>({
    create: createEdge,
    max: MAX_EDGES_PER_DIRECTION,
    boundedByFirst: true,
  });
  readonly #values: string[] = ['', '', '', '', '', '', ''];

  get(direction: Direction, { source, destination, service }: Parties, encrypted: boolean): Edge {
    const values = this.#values;
    values[0] = direction;
    values[1] = source.namespace;
    values[2] = source.workload;
    values[3] = destination.namespace;
    values[4] = destination.workload;
    values[5] = service;
    values[6] = encrypted ? 'true' : 'false';
    return this.#edges.get(values);
  }

  list(): Edge[] {
    return this.#edges.items.map((edge) => ({ ...edge }));
  }

  /** Look-ups that found no room and count as `other`. */
  get overflows(): number {
    return this.#edges.overflows;
  }
}

function createEdge(values: readonly string[]): Edge {
  return {
    direction: values[0] as Direction,
    source: nameOf({ namespace: values[1]!, workload: values[2]! }),
    destination: nameOf({ namespace: values[3]!, workload: values[4]! }),
    service: values[5]!,
    encrypted: values[6] === 'true',
    allowed: 0,
    denied: 0,
    errors: 0,
  };
}

function nameOf({ namespace, workload }: Party): string {
  if (workload === '') return 'unknown';
  return namespace === 'other' && workload === 'other' ? 'other' : `${namespace}/${workload}`;
}

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

const MAX_EDGES = 1_000;

export class Edges {
  readonly #edges = new Map<string, Edge>();

  get(direction: Direction, parties: Parties, encrypted: boolean): Edge {
    const known = this.#find(
      direction,
      nameOf(parties.source),
      nameOf(parties.destination),
      parties.service,
      encrypted,
    );
    return known ?? this.#find(direction, 'other', 'other', 'other', false, true)!;
  }

  list(): Edge[] {
    return [...this.#edges.values()].map((edge) => ({ ...edge }));
  }

  #find(
    direction: Direction,
    source: string,
    destination: string,
    service: string,
    encrypted: boolean,
    always = false,
  ): Edge | undefined {
    const key = `${direction}|${source}|${destination}|${service}|${encrypted}`;
    const known = this.#edges.get(key);
    if (known !== undefined || (!always && this.#edges.size >= MAX_EDGES)) return known;
    const edge = { direction, source, destination, service, encrypted, allowed: 0, denied: 0, errors: 0 };
    this.#edges.set(key, edge);
    return edge;
  }
}

function nameOf(party: Party): string {
  return party.workload === '' ? 'unknown' : `${party.namespace}/${party.workload}`;
}

import type { ErrorCode } from '../../api/errors.ts';
import { LabelSets } from './label-sets.ts';
import { type Direction, type Parties, type Party, partiesOf, setParties } from './parties.ts';

/** Who talks to whom, in sums since the start. `source` and `destination` are `<namespace>/<workload>`. */
export interface Edge {
  readonly direction: Direction;
  readonly source: string;
  readonly destination: string;
  readonly service: string;
  readonly encrypted: boolean;
  /** let through, failed ones included */
  allowed: number;
  /** 401 and 403 of the mesh, and plaintext where mTLS is Strict */
  denied: number;
  /** of those allowed: answered by the mesh with another error, or by the server with 5xx, or cut off */
  errors: number;
}

/** Who asks may not, or did not prove who it is: nothing failed. */
function isDenial(code: ErrorCode | undefined): boolean {
  return code === 'denied' || code === 'unauthenticated' || code === 'strict-mtls';
}

/** A request, or a connection that is not carried, came to its end: it is `denied`, or else `allowed`, some with an error. */
export function countOn(edge: Edge, code: ErrorCode | undefined, hasFailed: boolean): void {
  if (isDenial(code)) {
    edge.denied += 1;
    return;
  }
  edge.allowed += 1;
  if (hasFailed) edge.errors += 1;
}

const MAX_EDGES_PER_DIRECTION = 1_000;

export class Edges {
  readonly #edges = new LabelSets<Edge>({
    create: createEdge,
    max: MAX_EDGES_PER_DIRECTION,
    boundedByFirst: true,
  });
  readonly #values: string[] = ['', '', '', '', '', '', ''];

  get(direction: Direction, parties: Parties, encrypted: boolean): Edge {
    const values = this.#values;
    setParties(values, direction, parties);
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
  const { source, destination, service } = partiesOf(values);
  return {
    direction: values[0] as Direction,
    source: nameOf(source),
    destination: nameOf(destination),
    service,
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

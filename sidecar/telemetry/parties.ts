export type Direction = 'inbound' | 'outbound';

export interface Party {
  readonly workload: string;
  readonly namespace: string;
}

/** Between whom something happens. Empty names are unknown. */
export interface Parties {
  readonly source: Party;
  readonly destination: Party;
  /** name of the Service dialled; empty on inbound, which does not know it */
  readonly service: string;
}

/** A Service, or the workload when a pod was dialled directly. */
export interface NamedService {
  readonly name: string;
  readonly namespace: string;
}

/** Direction and parties as label values, in the order of PARTY_LABELS, into the first places of `values`. */
export function setParties(
  values: string[],
  direction: Direction,
  { source, destination, service }: Parties,
): void {
  values[0] = direction;
  values[1] = source.workload;
  values[2] = source.namespace;
  values[3] = destination.workload;
  values[4] = destination.namespace;
  values[5] = service;
}

/** What `setParties` wrote. */
export function partiesOf(values: readonly string[]): Parties {
  return {
    source: { workload: values[1]!, namespace: values[2]! },
    destination: { workload: values[3]!, namespace: values[4]! },
    service: values[5]!,
  };
}

export const NOBODY: Party = { workload: '', namespace: '' };

/** Labels of everything that is counted by its parties. */
export const PARTY_LABELS = [
  'direction',
  'source_workload',
  'source_namespace',
  'destination_workload',
  'destination_namespace',
  'service',
];

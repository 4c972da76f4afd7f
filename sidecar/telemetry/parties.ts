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

/** As in the snapshot and in the Secret; the destination is still to be checked. */
export interface KnownDestination {
  readonly key: string;
  readonly destination: unknown;
}

/** What has another shape is left out. */
export function knownDestinations(value: unknown): readonly KnownDestination[] {
  if (!Array.isArray(value)) return [];
  return value.filter((each: unknown) => typeof (each as KnownDestination | null)?.key === 'string');
}

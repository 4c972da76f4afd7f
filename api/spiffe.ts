/**
 * SPIFFE IDs of workloads: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`.
 * Source: https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md sections 2.1 to 2.3.
 */
export interface WorkloadIdentity {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

const TRUST_DOMAIN = '[a-z0-9](?:[a-z0-9._-]{0,253}[a-z0-9])?';
const NAME = '[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?';
const PATTERN = new RegExp(`^spiffe://(${TRUST_DOMAIN})/ns/(${NAME})/sa/(${NAME})$`);

export function spiffeId(identity: WorkloadIdentity): string {
  return `spiffe://${identity.trustDomain}/ns/${identity.namespace}/sa/${identity.serviceAccount}`;
}

/** Returns undefined for anything that is not exactly of the form above; nothing is normalised. */
export function parseSpiffeId(value: string): WorkloadIdentity | undefined {
  const match = PATTERN.exec(value);
  if (match === null) return undefined;
  return { trustDomain: match[1]!, namespace: match[2]!, serviceAccount: match[3]! };
}

import { operatorSpiffeId } from './compile/proxy-config.ts';
import type { Authority, Leaf, LeafRequest } from './identity/authority.ts';
import { firstOwnLeaf } from './identity/first-own-leaf.ts';
import type { RootRotation, RootRotationOptions } from './identity/root-rotation.ts';
import { openAuthority, type RootOptions } from './root.ts';

export interface OwnIdentityOptions extends RootOptions {
  readonly controlPlaneNamespace: string;
  /** names of the operator's Service, for its own certificate */
  readonly dnsNames?: readonly string[];
  /** ends a start that waits for somebody */
  readonly signal?: AbortSignal;
}

/** The authority, and the certificate with which the operator itself serves. */
export interface OwnIdentity {
  readonly authority: Authority;
  readonly rotation: RootRotation;
  readonly request: LeafRequest & { readonly spiffeId: string };
  readonly leaf: Leaf;
}

/** Waits for a root, and for a certificate of it, as long as it takes. Rejects when the signal aborts. */
export async function openOwnIdentity(
  options: OwnIdentityOptions,
  observe: RootRotationOptions['observe'],
): Promise<OwnIdentity> {
  const { trustDomain, controlPlaneNamespace, dnsNames = [], platform, clock, log } = options;
  const signal = options.signal ?? new AbortController().signal;
  const spiffeId = operatorSpiffeId({ trustDomain, controlPlaneNamespace, streamAddress: '' });
  const request = { spiffeId, dnsNames };
  const { authority, rotation } = await openAuthority(options, request, observe, signal);
  const parts = { authority, request, store: platform.issuer, look: () => rotation.look(), clock, log };
  return { authority, rotation, request, leaf: await firstOwnLeaf(parts, signal) };
}

import type { Finding } from '../../../api/analysis.ts';

/** Every kind of finding; docs/guides/checking.md says of each what it means and what to do. */
export const CODES = [
  'AllowDeniesOthers',
  'AllowIsDenied',
  'BackendNotFound',
  'BackendWithoutEndpoints',
  'CallerNotFound',
  'CallerWithoutSidecar',
  'Conflicted',
  'DocumentIgnored',
  'DocumentInvalid',
  'EgressListWithoutEffect',
  'HttpRuleOnOpaque',
  'IpBlockUnderStrict',
  'JwksUnavailable',
  'LongAudit',
  'MirrorToItself',
  'NamespacesUnread',
  'NeverMatches',
  'NoSidecar',
  'NobodyDenied',
  'NonIdempotentRetry',
  'NotAccepted',
  'OpenService',
  'OriginateAppTls',
  'OriginateOnEveryPort',
  'PermissiveLeftover',
  'PlaintextAccepted',
  'RefNotPermitted',
  'RoutesOnOpaque',
  'ShadowedEgressHost',
  'ShadowedRoute',
  'SkippedPort',
  'StreamCutOff',
  'TargetNotFound',
  'TargetsNothing',
  'TargetsWithoutSidecar',
  'UnknownIssuer',
] as const;

/** A finding whose code is one of those. */
export type Found = Finding & { readonly code: (typeof CODES)[number] };

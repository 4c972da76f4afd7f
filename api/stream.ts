import type { Destination } from './destination.ts';
import type { ProxyConfig } from './proxy-config.ts';
import type { Version } from './version.ts';

/**
 * The push stream: one long-lived `POST /v1/stream` over HTTP/2 and mTLS (TLS 1.3), newline-delimited JSON
 * in both directions. Unknown message types are ignored, so that versions may differ by one minor.
 *
 * `POST /v1/identity` (server-authenticated TLS, projected token as bearer) gives the first identity to a
 * sidecar that has none yet: body {proxyId}, answer IdentityMessage and ConfigMessage as two lines.
 */
export const STREAM_PATH = '/v1/stream';
export const IDENTITY_PATH = '/v1/identity';
/** A line longer than this ends the stream. */
export const STREAM_LINE_MAX_BYTES = 4 * 1024 * 1024;
/** Both sides send `ping` when idle for this long and give up after three times as long without a byte. */
export const STREAM_PING_INTERVAL_MS = 10_000;

/**
 * The first line of a trust bundle, outside of its PEM blocks, followed by a number that grows with every change:
 * of two bundles the one with the higher number is in force, however they came. One without is taken as it comes.
 */
export const TRUST_BUNDLE_SERIAL = '# weft trust bundle ';
/** Roots that a sidecar may say it trusts. */
export const ROOTS_MAX = 64;

/** The first message of a sidecar. proxyId must be the DNS SAN of its certificate. */
export interface HelloMessage {
  readonly type: 'hello';
  readonly proxyId: string;
  readonly agent: string;
  /** the configuration in force here, so that an equal one is not sent again */
  readonly version?: Version;
  /** as in TrustsMessage; absent: of a sidecar that does not know `trust-bundle` */
  readonly roots?: readonly string[];
}
/** Acknowledges `identity` and `trust-bundle`: the roots in force now, whatever was sent. */
export interface TrustsMessage {
  readonly type: 'trusts';
  /** SHA-256 of each certificate's DER, in lower-case hex */
  readonly roots: readonly string[];
}
export interface AckMessage {
  readonly type: 'ack';
  /** absent: the configuration; else the key of the destination */
  readonly destination?: string;
  readonly version: Version;
}
export interface NackMessage {
  readonly type: 'nack';
  readonly destination?: string;
  readonly version: Version;
  readonly reason: string;
}
/** `key` is `<ip>:<port>` ([ip]:port for IPv6) or `<namespace>/<service>:<port>`. */
export interface SubscribeMessage {
  readonly type: 'subscribe';
  readonly key: string;
}
export interface UnsubscribeMessage {
  readonly type: 'unsubscribe';
  readonly key: string;
}
export interface PingMessage {
  readonly type: 'ping';
}
export type SidecarMessage =
  | HelloMessage
  | TrustsMessage
  | AckMessage
  | NackMessage
  | SubscribeMessage
  | UnsubscribeMessage
  | PingMessage;

export interface ConfigMessage {
  readonly type: 'config';
  readonly config: ProxyConfig;
}
/** PEM. The chain and key replace the ones in use; the bundle replaces the trusted roots. */
export interface IdentityMessage {
  readonly type: 'identity';
  readonly certificate: string;
  readonly privateKey: string;
  readonly trustBundle: string;
}
/** PEM. Replaces the trusted roots alone. */
export interface TrustBundleMessage {
  readonly type: 'trust-bundle';
  readonly trustBundle: string;
}
export interface DestinationMessage {
  readonly type: 'destination';
  readonly key: string;
  /** null: nothing in the mesh has this address; the sidecar passes it through to where it was going */
  readonly destination: Destination | null;
}
/** Sent before the stream is ended for a reason the sidecar should log; whatever the code, it connects again. */
export interface StreamErrorMessage {
  readonly type: 'error';
  readonly code: 'forbidden' | 'gone' | 'bad-message' | 'max-age' | 'replaced' | 'restarting';
  readonly message: string;
}
export type OperatorMessage =
  | ConfigMessage
  | IdentityMessage
  | TrustBundleMessage
  | DestinationMessage
  | StreamErrorMessage
  | PingMessage;

import type { ProxyConfig } from '../../api/proxy-config.ts';
import { type IdentityTexts, InvalidIdentity } from './certificate.ts';
import { checkConfig } from './check-config.ts';
import { EMPTY_HISTORY, type History, parseHistory, serializeHistory } from './version.ts';

/** What a restart must not forget: the configuration in force, the identity, and what was acknowledged. */
export interface SavedCore {
  readonly history: History;
  readonly config: ProxyConfig | undefined;
  readonly identity: IdentityTexts | undefined;
}

export const NOTHING_SAVED: SavedCore = { history: EMPTY_HISTORY, config: undefined, identity: undefined };

export function serializeCore(core: SavedCore): unknown {
  const { history, config, identity } = core;
  return { history: serializeHistory(history), config, identity };
}

/** Throws when it is not for this proxy or has another shape. The identity is still to be checked. */
export function parseCore(value: unknown, proxyId: string): SavedCore {
  const { history, config, identity } = value as Record<keyof SavedCore, unknown>;
  return {
    history: parseHistory(history),
    config: config === undefined ? undefined : checkConfig(config, proxyId),
    identity: identity === undefined ? undefined : parseTexts(identity),
  };
}

/** Throws InvalidIdentity unless the value has the three texts. */
export function parseTexts(value: unknown): IdentityTexts {
  const { certificate, privateKey, trustBundle } = value as Record<keyof IdentityTexts, unknown>;
  if (typeof certificate !== 'string' || typeof privateKey !== 'string' || typeof trustBundle !== 'string') {
    throw new InvalidIdentity('certificate, privateKey and trustBundle must be PEM texts');
  }
  return { certificate, privateKey, trustBundle };
}

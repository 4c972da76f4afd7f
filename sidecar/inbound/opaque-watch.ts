import type { Protocol } from '../../api/proxy-config.ts';
import { httpWatch } from '../tcp/http-watch.ts';
import { mayBeHttp } from './port-policy.ts';

/**
 * What an opaque connection must not turn out to be after all: HTTP where that is served as HTTP, as an app behind it
 * believes weft-caller. Undefined: it may be anything.
 */
export function opaqueWatch(
  protocol: Protocol | undefined,
  onRefused: () => void,
): ((bytes: Buffer) => boolean) | undefined {
  if (!mayBeHttp(protocol)) return undefined;
  return httpWatch(['http1', 'http2'], onRefused);
}

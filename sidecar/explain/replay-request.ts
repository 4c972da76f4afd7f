import { CONFIG_MAX_BYTES } from '../../api/names.ts';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import type { ReplayRequest } from '../../api/replay.ts';
import { validateDestination, validateProxyConfig } from '../../api/validate-proxy-config.ts';
import { expressionsProblem } from './expression-bounds.ts';
import type { Steps } from './turns.ts';

/** What is asked is wrong; the message says how. */
export class BadReplay extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BadReplay';
  }
}

const MAX_DESTINATIONS = 4_096;

/** One step a destination. Throws BadReplay, also on what the operator would not hand out. */
export function* parseReplayRequest(text: string, proxyId: string): Steps<ReplayRequest> {
  const value = parseObject(text);
  const unknown = Object.keys(value).find((key) => !['config', 'destinations', 'minutes'].includes(key));
  if (unknown !== undefined) throw new BadReplay(`unknown field ${unknown}`);
  const { config, destinations = [], minutes } = value;
  yield;
  if (config !== undefined) checkConfig(config, proxyId);
  if (!Array.isArray(destinations) || destinations.length > MAX_DESTINATIONS) {
    throw new BadReplay(`destinations must be a list of at most ${MAX_DESTINATIONS}`);
  }
  for (const [place, each] of destinations.entries()) {
    yield;
    check(`destinations[${place}]`, validateDestination(each));
    const problem = expressionsProblem(each);
    if (problem !== undefined) throw new BadReplay(`destinations[${place}]: ${problem}`);
  }
  if (minutes !== undefined && !(typeof minutes === 'number' && minutes > 0)) {
    throw new BadReplay('minutes must be a number above 0');
  }
  return value as ReplayRequest;
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as never;
  } catch {
    // said below
  }
  throw new BadReplay('the body must be a JSON object');
}

function checkConfig(config: unknown, proxyId: string): void {
  const bytes = Buffer.byteLength(JSON.stringify(config));
  if (bytes > CONFIG_MAX_BYTES) {
    throw new BadReplay(`config: ${bytes} bytes, and a proxy is told at most ${CONFIG_MAX_BYTES}`);
  }
  check('config', validateProxyConfig(config));
  const wanted = (config as ProxyConfig).proxyId;
  if (wanted !== proxyId) throw new BadReplay(`the candidate is for proxy ${wanted}, this is ${proxyId}`);
}

function check(
  what: string,
  [problem]: readonly { readonly path: string; readonly message: string }[],
): void {
  if (problem !== undefined) throw new BadReplay(`${what}: ${problem.path} ${problem.message}`);
}

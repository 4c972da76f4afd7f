import type { CandidateName, RunningProxy, Surroundings, Wiring } from './candidate.ts';
import { startHaproxy } from './haproxy.ts';
import { startHttpProxy } from './http-proxy.ts';
import { startNginx } from './nginx.ts';
import { startWeft } from './weft.ts';

const STARTERS: Record<CandidateName, (around: Surroundings, wiring: Wiring) => Promise<RunningProxy>> = {
  nginx: startNginx,
  haproxy: startHaproxy,
  'http-proxy': startHttpProxy,
  weft: startWeft,
};

export function startCandidate(
  name: CandidateName,
  around: Surroundings,
  wiring: Wiring,
): Promise<RunningProxy> {
  return STARTERS[name](around, wiring);
}

import type {
  DestinationRoute,
  Fault,
  HeaderChanges,
  Redirect,
  RetryPolicy,
} from '../../../api/destination-traffic.ts';
import type { Route } from '../../../api/mesh-policy.ts';
import { quantityBytes } from '../../../api/quantity.ts';
import { milliseconds } from './milliseconds.ts';
import { present } from './present.ts';

const DEFAULT_REDIRECT_STATUS = 302;
/** of a policy that says something of retries, but not these */
const DEFAULT_ATTEMPTS = 2;
const DEFAULT_CONDITIONS: RetryPolicy['conditions'] = ['ConnectFailure', 'Reset', 'GatewayError'];

/** What a route does with a request, whichever of its matches took it and wherever it leads. */
export function compileActions(
  route: Route,
): Pick<DestinationRoute, 'rewrite' | 'redirect' | 'headers' | 'fault' | 'timeout' | 'retry'> {
  const { rewrite, redirect, headers, fault, timeout, retry } = route;
  return {
    ...present({
      rewrite,
      redirect: redirect && compileRedirect(redirect),
      headers: present({
        request: compileHeaders(headers?.request),
        response: compileHeaders(headers?.response),
      }),
      fault: compileFault(fault),
      timeout: present({
        requestMs: milliseconds(timeout?.request),
        attemptMs: milliseconds(timeout?.attempt),
        idleMs: milliseconds(timeout?.idle),
      }),
      retry: retry && compileRetry(retry),
    }),
  };
}

function compileRedirect({
  status = DEFAULT_REDIRECT_STATUS,
  ...others
}: NonNullable<Route['redirect']>): Redirect {
  return { ...others, status };
}

type PolicyHeaders = NonNullable<NonNullable<Route['headers']>['request']>;

function compileHeaders(changes: PolicyHeaders | undefined): HeaderChanges | undefined {
  const lowered = (list: PolicyHeaders['set']) =>
    list?.map(({ name, value }) => ({ name: name.toLowerCase(), value }));
  return present({
    remove: changes?.remove?.map((name) => name.toLowerCase()),
    set: lowered(changes?.set),
    add: lowered(changes?.add),
  });
}

function compileFault(fault: Route['fault']): Fault | undefined {
  const { abort, delay, bandwidth } = fault ?? {};
  return present({
    abort,
    delay: delay && { percent: delay.percent, durationMs: milliseconds(delay.duration)! },
    // Nothing a second would be an answer that never ends.
    bandwidthBytesPerSecond: bandwidth === undefined ? undefined : Math.max(1, quantityBytes(bandwidth)),
  });
}

/** `retry: {codes: [429]}` alone asks for those codes too, not for nothing else. */
function compileRetry(retry: NonNullable<Route['retry']>): RetryPolicy {
  const {
    attempts = DEFAULT_ATTEMPTS,
    conditions = DEFAULT_CONDITIONS,
    codes,
    backoff,
    nonIdempotent,
  } = retry;
  const backoffMs = { backoffBaseMs: milliseconds(backoff?.base), backoffMaxMs: milliseconds(backoff?.max) };
  return { attempts, conditions: [...conditions], ...present({ codes, ...backoffMs, nonIdempotent }) };
}

import type { AuthorizationRule, Issuer, Operation, When } from '../../api/proxy-config.ts';
import { parseRequestHead } from '../http1/request-head.ts';
import { compileAuthorization } from './authorization.ts';
import { anonymous } from './caller.ts';
import type { VerifiedToken } from './jwt-claims.ts';

export const NOBODY = anonymous('10.0.0.1');
export const ISSUER: Issuer = {
  policy: 'shop/p',
  name: 'id',
  issuer: 'https://id.example',
  forward: true,
  keys: [],
};

export function rule(action: 'Allow' | 'Deny', to?: Operation, when?: When): AuthorizationRule {
  const rest = { ...(to && { to: [to] }), ...(when && { when }) };
  return { policy: 'shop/p', name: 'r', action, mode: 'Enforce', ...rest };
}
export function token(claims: Record<string, unknown>, issuer = ISSUER): VerifiedToken {
  return { source: issuer, claims, validUntilMs: 1e15, digest: '' };
}

export interface Sent {
  readonly line?: string;
  readonly fields?: string;
  readonly token?: VerifiedToken;
}

/** Whether a rule of either kind matches a request: Allow where the default denies, Deny where it allows. */
export function matches(
  action: 'Allow' | 'Deny',
  to: Operation | undefined,
  when: When | undefined,
  sent: Sent,
) {
  const { line = 'GET / HTTP/1.1', fields = 'Host: api', token: sentToken } = sent;
  const head = parseRequestHead(`${line}\r\n${fields}\r\n`);
  const fallback = action === 'Allow' ? 'Deny' : 'Allow';
  const authorizer = compileAuthorization([rule(action, to, when)], 80, fallback);
  const decision = authorizer.decide({
    caller: NOBODY,
    method: head.method,
    path: head.path,
    request: head,
    tokens: sentToken ? [sentToken] : [],
  });
  return decision.rule === 'r';
}

export const when = (claims?: Record<string, string[]>, issuer = ISSUER.issuer): When => {
  const list = Object.entries(claims ?? {}).map(([name, values]) => ({ name, values }));
  return { jwt: { issuer, ...(claims && { claims: list }) } };
};

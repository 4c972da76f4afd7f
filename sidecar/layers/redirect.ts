import type { Redirect } from '../../api/destination-traffic.ts';
import type { Exchange } from '../http1/exchange.ts';
import { FieldLines } from '../http1/fields.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { ResponseHead } from '../http1/response-head.ts';
import { compilePathRewrite } from './rewrite.ts';

export interface RedirectTo {
  readonly status: number;
  readonly location: (head: RequestHead) => string;
}

const DEFAULT_PORTS = { http: '80', https: '443' } as const;
const REASONS: Readonly<Record<number, string>> = {
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
};

/**
 * What is not said stays as the request has it, but for the port: with a scheme given it is that scheme's own.
 * Source: https://gateway-api.sigs.k8s.io/reference/spec/#httprequestredirectfilter
 */
export function compileRedirect(redirect: Redirect, prefixes: readonly string[]): RedirectTo {
  const newPath = redirect.path && compilePathRewrite(redirect.path, prefixes);
  const scheme = redirect.scheme ?? 'http';
  const location = (head: RequestHead) => {
    const asked = splitHost(head.host);
    const host = redirect.host ?? asked.host;
    const port = redirect.port?.toString() ?? (redirect.scheme === undefined ? asked.port : undefined);
    const authority = port === undefined || port === DEFAULT_PORTS[scheme] ? host : `${host}:${port}`;
    const path = head.path ?? '/';
    const mark = head.target.indexOf('?');
    const query = mark === -1 ? '' : head.target.slice(mark);
    const target = `${newPath === undefined ? path : newPath(path)}${query}`;
    // HTTP/1.0 without a Host: after an empty authority clients take the first segment of the path for the host
    return host === '' ? target : `${scheme}://${authority}${target}`;
  };
  return { status: redirect.status, location };
}

export function answerRedirect(exchange: Exchange, { status, location }: RedirectTo): void {
  const fields = new FieldLines();
  fields.add('Location', location(exchange.head));
  const head = new ResponseHead(status, REASONS[status] ?? '', fields, { type: 'length', length: 0 }, {});
  exchange.reply(head, undefined);
}

/** `[::1]:80` has colons of its own. */
function splitHost(host: string): { host: string; port: string | undefined } {
  const colon = host.lastIndexOf(':');
  if (colon <= host.lastIndexOf(']')) return { host, port: undefined };
  return { host: host.slice(0, colon), port: host.slice(colon + 1) };
}

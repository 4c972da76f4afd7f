import type { Exchange } from '../http1/exchange.ts';
import type { Direction } from '../telemetry/parties.ts';

const MAX_METHOD = 32;
/** V8's SlicedString::kMinLength */
const LEAST_VIEW = 13;

/** Which exchange a record is of: an object for each connection. */
export interface Subject {
  readonly direction: Direction;
  /** SPIFFE ID or address */
  readonly caller: string;
  /** its source address; empty outbound */
  readonly callerAddress: string;
  /** what was dialled: `address:port` inbound, the key of the destination outbound */
  readonly at: string;
  /** of its last request, as the ring noted it */
  kind?: TrailKind | undefined;
}

/**
 * What a request has in common with the one before it on the same connection, mostly: written down once for all of
 * them. Texts here come from the configuration or are short-lived ones' copies: none keeps a message alive.
 */
export class TrailKind {
  readonly direction: Direction;
  readonly caller: string;
  readonly callerAddress: string;
  readonly at: string;
  readonly service: string;
  readonly method: string;
  readonly host: string;
  readonly code: string;
  readonly aborted: boolean;
  readonly hasPath: boolean;
  readonly verdict: string;
  readonly policy: string;
  readonly rule: string;
  readonly auditPolicy: string;
  readonly auditRule: string;
  readonly limitPolicy: string;
  readonly limit: string;
  readonly route: string;
  readonly routePolicy: string;
  readonly algorithm: string;
  readonly knownEndpoints: number;
  readonly usableEndpoints: number;
  readonly isPanicking: boolean;
  readonly failedAttempts: string;
  readonly attempts: number;
  readonly encrypted: boolean;
  readonly isCopy: boolean;
  readonly peerError: string;
  readonly reason: string;

  constructor(subject: Subject, exchange: Exchange, service: string) {
    const { trail, head } = exchange;
    this.direction = subject.direction;
    this.caller = subject.caller;
    this.callerAddress = subject.callerAddress;
    this.at = subject.at;
    this.service = service;
    this.method = short(head.method);
    this.host = head.host;
    this.code = exchange.error ?? '';
    this.aborted = exchange.aborted;
    this.hasPath = head.path !== undefined;
    this.verdict = trail.verdict;
    this.policy = trail.policy;
    this.rule = trail.rule;
    this.auditPolicy = trail.auditPolicy;
    this.auditRule = trail.auditRule;
    this.limitPolicy = trail.limitPolicy;
    this.limit = trail.limit;
    this.route = trail.route;
    this.routePolicy = trail.routePolicy;
    this.algorithm = trail.algorithm;
    this.knownEndpoints = trail.knownEndpoints;
    this.usableEndpoints = trail.usableEndpoints;
    this.isPanicking = trail.isPanicking;
    this.failedAttempts = trail.failedAttempts;
    this.attempts = trail.attempts;
    this.encrypted = trail.encrypted;
    this.isCopy = trail.isCopy;
    this.peerError = trail.peerError;
    this.reason = trail.reason;
  }

  /** Another exchange of the same subject. */
  isOf(exchange: Exchange, service: string): boolean {
    const { trail, head } = exchange;
    return (
      this.host === head.host &&
      this.method === head.method &&
      this.service === service &&
      this.code === (exchange.error ?? '') &&
      this.aborted === exchange.aborted &&
      this.hasPath === (head.path !== undefined) &&
      this.verdict === trail.verdict &&
      this.policy === trail.policy &&
      this.rule === trail.rule &&
      this.auditPolicy === trail.auditPolicy &&
      this.auditRule === trail.auditRule &&
      this.limitPolicy === trail.limitPolicy &&
      this.limit === trail.limit &&
      this.route === trail.route &&
      this.routePolicy === trail.routePolicy &&
      this.algorithm === trail.algorithm &&
      this.knownEndpoints === trail.knownEndpoints &&
      this.usableEndpoints === trail.usableEndpoints &&
      this.isPanicking === trail.isPanicking &&
      this.failedAttempts === trail.failedAttempts &&
      this.attempts === trail.attempts &&
      this.encrypted === trail.encrypted &&
      this.isCopy === trail.isCopy &&
      this.peerError === trail.peerError &&
      this.reason === trail.reason
    );
  }
}

/** A view of a text keeps all of it alive; one this short is a copy anyway, as V8 makes them. */
function short(text: string): string {
  return text.length < LEAST_VIEW
    ? text
    : Buffer.from(text.slice(0, MAX_METHOD), 'latin1').toString('latin1');
}

import type { Call, Execution, ShopRecord } from '../shop/records.ts';
import { identityOf, isAllowed, MAY_CALL } from '../shop/shop.ts';
import { Recent } from './recent.ts';

/** What must never be, whatever happens to the cluster. */
export interface Violation {
  readonly rule:
    | 'wrong answer'
    | 'plaintext under Strict'
    | 'duplicate'
    | 'denied caller let through'
    | 'allowed caller denied'
    | 'answered but not executed';
  readonly record: ShopRecord;
}

/** A call of the customer that was not answered 200; that is allowed while something is broken. */
export interface Failure {
  readonly beganMs: number;
  readonly atMs: number;
  /** `POST web: 502 orders: 503 no-endpoints` */
  readonly what: string;
}

/** What a pod has written down. */
export interface PodCounts {
  executed: number;
  called: number;
  answered: number;
}

/** What a mesh that has lost its control plane says to a first call. */
const UNREACHABLE = 'control-plane-unreachable';
/** After the first answer from there it is no first call any more, also of pods that come later. */
const KNOWN_AFTER_MS = 10_000;
const VIOLATIONS_MAX = 20;
const FAILURES_MAX = 100_000;
/** No client waits longer than seconds; what is sent twice is sent twice soon. */
const REMEMBERED_MS = 600_000;
const CUSTOMER = 'shopper';
const PLAIN = 'plain';
const ALLOWED_CALLERS = Object.fromEntries(
  Object.entries(MAY_CALL).map(([service, callers]) => [service, new Set(callers.map(identityOf))]),
);

/** Reads what everybody has written down, and compares. */
export class Ledger {
  readonly violations: Violation[] = [];
  readonly failures: Failure[] = [];
  /** calls to where others of its kind have been answered that failed of a control plane that was away */
  readonly unguided: Failure[] = [];
  readonly pods = new Map<string, PodCounts>();
  customerCalls = 0;
  executions = 0;
  /** by the rules, and otherwise: the mesh was not there to say so */
  readonly denied = { by403: 0, otherwise: 0 };
  plainRefused = 0;
  /** service, pod, id of what was executed */
  readonly #executed = new Recent(REMEMBERED_MS);
  /** service, id of POSTs */
  readonly #posts = new Recent(REMEMBERED_MS);
  #toConfirm: Call[] = [];
  /** who was answered by whom → since when */
  readonly #answeredSinceMs = new Map<string, number>();

  /**
   * All that was written since the last time, in any order. An answer is held against executions one call later: its
   * server wrote before it answered, but may have been read before that.
   */
  add(records: readonly ShopRecord[]): void {
    const toConfirm = this.#toConfirm;
    this.#toConfirm = [];
    for (const each of records) {
      if (each.kind === 'execution') this.#addExecution(each);
      else this.#addCall(each);
    }
    for (const each of toConfirm) this.#confirm(each);
  }

  #violated(rule: Violation['rule'], record: ShopRecord): void {
    if (this.violations.length < VIOLATIONS_MAX) this.violations.push({ rule, record });
  }

  #countsOf(pod: string): PodCounts {
    const known = this.pods.get(pod);
    if (known !== undefined) return known;
    const counts = { executed: 0, called: 0, answered: 0 };
    this.pods.set(pod, counts);
    return counts;
  }

  #addExecution(execution: Execution): void {
    const { service, pod, id, method, caller, atMs } = execution;
    this.executions += 1;
    this.#countsOf(pod).executed += 1;
    this.#executed.add(`${service} ${pod} ${id}`, atMs);
    if (caller === undefined) this.#violated('plaintext under Strict', execution);
    else if (!ALLOWED_CALLERS[service]?.has(caller)) this.#violated('denied caller let through', execution);
    if (method === 'POST' && !this.#posts.add(`${service} ${id}`, atMs))
      this.#violated('duplicate', execution);
  }

  #addCall(call: Call): void {
    const { from, to, status, pod, answer, id } = call;
    const counts = this.#countsOf(pod);
    counts.called += 1;
    if (status === 200) counts.answered += 1;
    if (from === PLAIN) {
      this.#addPlain(call);
      return;
    }
    if (answer !== undefined && (answer.service !== to || answer.id !== id)) {
      this.#violated('wrong answer', call);
    } else if (status === 200 && answer === undefined) this.#violated('wrong answer', call);
    if (isAllowed(from, to)) this.#addAllowed(call);
    else this.#addDenied(call);
  }

  #addAllowed(call: Call): void {
    const { from, to, method, status, error, beganMs, atMs } = call;
    if (from === CUSTOMER) this.customerCalls += 1;
    if (status === 401 || status === 403) this.#violated('allowed caller denied', call);
    if (status === 200) {
      this.#toConfirm.push(call);
      if (!this.#answeredSinceMs.has(`${from} ${to}`)) this.#answeredSinceMs.set(`${from} ${to}`, atMs);
      return;
    }
    const failure = { beganMs, atMs, what: `${method} ${to}: ${status} ${error ?? ''}` };
    if (from === CUSTOMER && this.failures.length < FAILURES_MAX) this.failures.push(failure);
    if (error === UNREACHABLE) this.#addUnguided(call, failure);
  }

  #addUnguided({ from, to, pod, beganMs }: Call, failure: Failure): void {
    const sinceMs = this.#answeredSinceMs.get(`${from} ${to}`) ?? Number.POSITIVE_INFINITY;
    if (beganMs < sinceMs + KNOWN_AFTER_MS || this.unguided.length >= FAILURES_MAX) return;
    this.unguided.push({ ...failure, what: `${pod} ${failure.what}` });
  }

  #addDenied(call: Call): void {
    if (call.status === 200 || call.answer !== undefined) this.#violated('denied caller let through', call);
    else if (call.status === 403) this.denied.by403 += 1;
    else this.denied.otherwise += 1;
  }

  #addPlain(call: Call): void {
    if (call.status === 200 || call.answer !== undefined) this.#violated('plaintext under Strict', call);
    else this.plainRefused += 1;
  }

  #confirm(call: Call): void {
    if (call.answer === undefined) return;
    const { service, pod, id } = call.answer;
    if (!this.#executed.has(`${service} ${pod} ${id}`)) this.#violated('answered but not executed', call);
  }
}

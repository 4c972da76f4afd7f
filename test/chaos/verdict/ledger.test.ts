import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Call, Execution } from '../shop/records.ts';
import { identityOf } from '../shop/shop.ts';
import { Ledger } from './ledger.ts';

const execution = (more: Partial<Execution> = {}): Execution => ({
  ...{ kind: 'execution', atMs: 1_000, service: 'payments', pod: 'payments-1', method: 'POST', id: 'a' },
  caller: identityOf('orders'),
  ...more,
});
const call = (more: Partial<Call> = {}): Call => ({
  ...{ kind: 'call', beganMs: 990, atMs: 1_010, from: 'orders', pod: 'orders-1', to: 'payments' },
  ...{ method: 'POST', id: 'a', status: 200, answer: { service: 'payments', pod: 'payments-1', id: 'a' } },
  ...more,
});
const rulesOf = (...batches: (Call | Execution)[][]): string[] => {
  const ledger = new Ledger();
  for (const batch of [...batches, []]) ledger.add(batch);
  return ledger.violations.map(({ rule }) => rule);
};
const { caller: _, ...plain } = execution();

describe('the ledger', () => {
  it('finds nothing wrong with a request that was executed once and answered', () => {
    assert.deepEqual(rulesOf([execution(), call()]), []);
  });

  it('finds nothing wrong with an answer that is read before its execution', () => {
    assert.deepEqual(rulesOf([call()], [execution()]), []);
  });

  it('finds nothing wrong with a request that failed, executed or not', () => {
    const { answer: _answer, ...failed } = call({ status: 502, error: 'upstream-reset' });
    assert.deepEqual(rulesOf([failed], [execution()]), []);
    assert.deepEqual(rulesOf([failed]), []);
  });

  it('finds an answer that nobody has executed, or another pod', () => {
    assert.deepEqual(rulesOf([call()]), ['answered but not executed']);
    assert.deepEqual(rulesOf([execution({ pod: 'payments-2' }), call()]), ['answered but not executed']);
  });

  it('finds an answer of another service, to another request, or of nobody', () => {
    const answer = { service: 'payments', pod: 'payments-1', id: 'a' };
    for (const wrong of [
      call({ answer: { ...answer, service: 'catalog' } }),
      call({ answer: { ...answer, id: 'b' } }),
      call({ status: 502, answer: { ...answer, id: 'b' } }),
    ]) {
      assert.equal(rulesOf([execution(), wrong])[0], 'wrong answer');
    }
    const { answer: _answer, ...unsigned } = call();
    assert.deepEqual(rulesOf([execution(), unsigned]), ['wrong answer']);
  });

  it('finds a POST that was executed twice, by the same pod or by two', () => {
    for (const pod of ['payments-1', 'payments-2']) {
      assert.deepEqual(rulesOf([execution()], [execution({ pod })]), ['duplicate']);
    }
  });

  it('lets a GET be executed twice, and one request by two services', () => {
    const get = execution({ service: 'catalog', method: 'GET' });
    assert.deepEqual(rulesOf([get, get]), []);
    assert.deepEqual(rulesOf([execution(), execution({ service: 'orders', caller: identityOf('web') })]), []);
  });

  it('finds a request that came without the sidecar', () => {
    assert.deepEqual(rulesOf([plain]), ['plaintext under Strict']);
  });

  it('finds an answer to plaintext, and counts those that are refused', () => {
    assert.deepEqual(rulesOf([call({ from: 'plain', to: 'payments.chaos' })]), ['plaintext under Strict']);
    const ledger = new Ledger();
    const { answer: _answer, ...refused } = call({ from: 'plain', to: 'payments.chaos', status: 0 });
    ledger.add([refused]);
    assert.deepEqual([ledger.violations, ledger.plainRefused], [[], 1]);
  });

  it('finds a denied caller by what it is answered, and by what is executed', () => {
    const rule = 'denied caller let through';
    assert.deepEqual(rulesOf([call({ from: 'intruder' })]), [rule]);
    assert.deepEqual(rulesOf([call({ from: 'intruder', status: 502 })]), [rule]);
    assert.deepEqual(rulesOf([execution({ caller: identityOf('intruder') })]), [rule]);
    assert.deepEqual(rulesOf([execution({ caller: 'spiffe://elsewhere/ns/chaos/sa/orders' })]), [rule]);
  });

  it('counts those that are denied as they should be, and those that got no answer', () => {
    const ledger = new Ledger();
    const { answer: _answer, ...denied } = call({ from: 'intruder', status: 403, error: 'denied' });
    ledger.add([denied, { ...denied, status: 0 }]);
    assert.deepEqual([ledger.violations, ledger.denied], [[], { by403: 1, otherwise: 1 }]);
  });

  it('finds an allowed caller that is denied, by 401 or by 403', () => {
    for (const status of [401, 403]) {
      const { answer: _answer, ...denied } = call({ status });
      assert.deepEqual(rulesOf([denied]), ['allowed caller denied']);
    }
  });

  it('counts failures of the customer, not those of services that it hears of anyway', () => {
    const ledger = new Ledger();
    const { answer: _answer, ...failed } = call({ status: 503, error: 'no-endpoints' });
    ledger.add([failed, { ...failed, from: 'shopper', to: 'web' }]);
    assert.deepEqual(ledger.failures, [{ beganMs: 990, atMs: 1_010, what: 'POST web: 503 no-endpoints' }]);
    assert.equal(ledger.customerCalls, 1);
  });

  it('keeps a bounded number of violations', () => {
    const ledger = new Ledger();
    ledger.add(Array.from({ length: 1_000 }, () => plain));
    assert.equal(ledger.violations.length, 20);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ProcessSample, type Requests, requestsOf } from '../sample.ts';
import { Counters } from './counters.ts';

const sample = (pid: number, requests: Partial<Requests> | undefined, pod = 'web-1'): ProcessSample => ({
  ...{ role: 'sidecar', namespace: 'chaos', pod, pid, startedTicks: 5, rssKib: 1 },
  ...(requests && { requests: { inboundGood: 0, inbound: 0, outboundGood: 0, outbound: 0, ...requests } }),
});
const against = (
  samples: ProcessSample[][],
  executed: number,
  answered: number,
  called: number,
  isHarmed = false,
) => {
  const counters = new Counters();
  for (const each of samples) counters.add(each);
  const pods = new Map([['web-1', { executed, answered, called }]]);
  return counters.against('chaos', pods, isHarmed ? [] : ['web-1']).disagreements;
};

describe('counters of sidecars', () => {
  it('agree when all that came in was executed, and all that was called went out', () => {
    const said = { inboundGood: 9, inbound: 11, outboundGood: 5, outbound: 6 };
    assert.deepEqual(against([[sample(1, said)]], 10, 5, 6), []);
  });

  it('are those that were seen last of each process, together', () => {
    const samples = [
      [sample(1, { inboundGood: 3, inbound: 3 })],
      [sample(1, { inboundGood: 5, inbound: 5 })],
    ];
    const next = [sample(2, { inboundGood: 4, inbound: 4 })];
    assert.deepEqual(against([...samples, next], 9, 0, 0), []);
    assert.match(
      against([...samples, next], 8, 0, 0, true)[0] ?? '',
      /answered more than was executed: web-1/,
    );
  });

  it('disagree when a sidecar answered, received or sent what nobody else knows of', () => {
    assert.match(against([[sample(1, { inboundGood: 1, inbound: 1 })]], 0, 0, 0)[0] ?? '', /answered more/);
    assert.match(against([[sample(1, { inbound: 2 })]], 3, 0, 0)[0] ?? '', /executed what did not come in/);
    assert.match(
      against([[sample(1, { outboundGood: 1, outbound: 2 })]], 0, 2, 2)[0] ?? '',
      /answered what was not/,
    );
    assert.match(against([[sample(1, { outbound: 2 })]], 0, 0, 1)[0] ?? '', /sent what was not called/);
  });

  it('may say too little where something was killed', () => {
    assert.deepEqual(against([[sample(1, { inboundGood: 1, inbound: 1 })]], 30, 20, 25, true), []);
  });

  it('pass over what did not answer, what is no sidecar, and other namespaces', () => {
    const other = { ...sample(2, { inboundGood: 50 }), namespace: 'elsewhere' };
    const operator = { ...sample(3, { inboundGood: 50 }), role: 'operator' };
    assert.deepEqual(against([[sample(1, undefined), other, operator]], 0, 0, 0), []);
  });

  it('are sums of the Prometheus text', () => {
    const of = (direction: string, status: string, count: number) =>
      `weft_requests_total{direction="${direction}",service="a}b",status_class="${status}"} ${count}`;
    const text = [
      '# TYPE weft_requests_total counter',
      of('inbound', '2xx', 7),
      of('inbound', '4xx', 2),
      of('outbound', '2xx', 30),
      of('outbound', 'none', 1),
      'weft_requests_total_of_others{direction="inbound"} 99',
    ].join('\n');
    assert.deepEqual(requestsOf(text), { inboundGood: 7, inbound: 9, outboundGood: 30, outbound: 31 });
    assert.deepEqual(requestsOf(''), { inboundGood: 0, inbound: 0, outboundGood: 0, outbound: 0 });
  });
});

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { type CorpusCase, REQUESTS } from '../../sidecar/http1/corpus.ts';
import { requestsIn } from './canonical.ts';
import { startInbound, startPair } from './front.ts';
import { startGoBackend } from './go-backend.ts';
import { withoutGo } from './go-binary.ts';
import { startNginxBackend, withoutNginx } from './nginx-backend.ts';
import { startNodeBackend } from './node-backend.ts';
import { type Candidate, type Run, runAll } from './run.ts';
import type { SeenRequest } from './seen-request.ts';

const CANDIDATES: readonly Candidate[] = [
  { name: 'Node', startBackend: startNodeBackend, startFront: startInbound, skip: false },
  { name: 'Node behind two sidecars', startBackend: startNodeBackend, startFront: startPair, skip: false },
  { name: 'nginx', startBackend: startNginxBackend, startFront: startInbound, skip: withoutNginx() ?? false },
  { name: 'Go', startBackend: startGoBackend, startFront: startInbound, skip: withoutGo() ?? false },
];

/** Valid requests that a backend refuses: it knows no such method, or no such form of target. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  Node: /^(?:BREW|get|M+|M!\S+) /,
  'Node behind two sidecars': /^(?:BREW|get|M+|M!\S+) /,
  nginx: /^(?:get|M!\S+|CONNECT|OPTIONS \*|OPTIONS http:\/\/b) /,
};

for (const candidate of CANDIDATES) {
  describe(`requests in front of ${candidate.name}`, { skip: candidate.skip }, () => {
    let run: Run;
    before(async () => {
      run = await runAll(candidate, REQUESTS);
    });
    for (const [index, entry] of REQUESTS.entries()) {
      it(`${entry.name} (${entry.rule})`, () => {
        const wanted = requestsIn(complete(entry));
        const isRefused = wanted.length > 0 && (REFUSED[candidate.name]?.test(entry.input) ?? false);
        assert.deepEqual(run.seen[index]!.map(withoutFallback(wanted)), isRefused ? [] : wanted);
        checkAnswers(entry, run.answers[index]!, wanted.length, isRefused);
      });
    }
  });
}

const complete = ({ expect }: CorpusCase): string => ('error' in expect ? expect.before : expect.forwarded);

/** Where HTTP/1.0 named no host the sidecar says whom it has dialled. */
function withoutFallback(wanted: readonly SeenRequest[]): (request: SeenRequest, at: number) => SeenRequest {
  return (request, at) =>
    wanted[at]?.host === 'fallback' && request.host !== '' ? { ...request, host: 'fallback' } : request;
}

const STATUS_OF = { 'bad-request': ['400'], 'header-too-large': ['431'], truncated: [] };

/** One answer to each request that went on, and one to what was refused, with which the connection ends. */
function checkAnswers({ expect }: CorpusCase, answers: string, requests: number, isRefused: boolean): void {
  const statuses = [...answers.matchAll(/HTTP\/1\.1 ([2-5]\d\d) /g)].map(([, status]) => status);
  const refusal = 'error' in expect ? STATUS_OF[expect.error] : [];
  assert.equal(statuses.length, requests + refusal.length, answers);
  assert.deepEqual(statuses.slice(requests), refusal, answers);
  if (refusal.length > 0) assert.match(answers, /weft-error: (?:bad-request|header-too-large)\r\n/);
  if (isRefused) assert.match(statuses[0]!, /^4/);
}

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type CorpusCase, RESPONSES } from '../../sidecar/http1/corpus.ts';
import { talk } from '../../sidecar/testing/wire.ts';
import { readCanonical } from './canonical.ts';
import { type ClientResponse, readResponses } from './client-response.ts';
import { type Front, startInbound, startPair } from './front.ts';
import { lastsUntilClose, type Responder, startResponder } from './responder.ts';

const FRONTS = [
  { name: 'one sidecar', startFront: startInbound },
  { name: 'two sidecars', startFront: startPair },
];

for (const { name, startFront } of FRONTS) {
  describe(`responses through ${name}`, () => {
    let responder: Responder;
    let front: Front;
    before(async () => {
      responder = await startResponder(RESPONSES);
      front = await startFront(responder.port);
    });
    after(async () => {
      await front.stop();
      await responder.close();
    });

    const ask = (target: string, method = 'GET') =>
      talk(front.port, `${method} ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);

    for (const [index, entry] of RESPONSES.entries()) {
      it(`${entry.name} (${entry.rule})`, async () => {
        const answer = await ask(`/${index}`, entry.method);
        checkAnswer(entry, readResponses(answer, entry.method ?? 'GET'));

        // whoever comes next gets an answer of their own, and only a connection that is known to be clean
        assert.match(await ask(`/probe-${index}`), /\r\n\r\nprobe$/);
        const [used, next] = [`/${index}`, `/probe-${index}`].map((target) =>
          responder.connectionOf.get(target),
        );
        assert.equal(next === used, isClean(entry), 'the connection to the server is used again');
      });
    }
  });
}

/** The response and nothing else; or an error of the mesh; or what nobody takes for a complete response. */
function checkAnswer({ expect, method, input }: CorpusCase, answers: ClientResponse[]): void {
  const complete = 'error' in expect ? expect.before : expect.forwarded;
  const wanted = untilFinal(readCanonical('responses', complete, method));
  assert.deepEqual(answers.slice(0, wanted.length), wanted);
  const more = answers.slice(wanted.length);
  if (wanted.some(isFinal)) assert.deepEqual(more, []);
  else {
    // a head that is good has gone on before the body broke
    const mayBreak = GOOD_HEAD.test(input);
    assert.ok(more.length === 1 || (mayBreak && more.length === 0), `${more.length} answers`);
    for (const answer of more)
      assert.ok((mayBreak && !answer.complete) || isRefusal(answer), answer.startLine);
  }
}

const GOOD_HEAD = /^HTTP\/1\.1 200 OK\r\n(?:Content-Length: \d{1,15}|Transfer-Encoding: chunked)\r\n\r\n/;

function isRefusal({ startLine, fields, complete }: ClientResponse): boolean {
  const isNamed = fields.some((line) => /^weft-error: upstream-(?:protocol|reset)$/.test(line));
  return complete && isNamed && /^HTTP\/1\.1 50[23] /.test(startLine);
}

function untilFinal(messages: ReturnType<typeof readCanonical>): ClientResponse[] {
  const final = messages.findIndex(isFinal);
  return messages
    .slice(0, final === -1 ? messages.length : final + 1)
    .map(({ startLine, lines, body, trailers }) => ({
      startLine,
      fields: lines.filter((line) => !/^(?:content-length|transfer-encoding):/i.test(line)),
      body,
      trailers,
      complete: true,
    }));
}

const isFinal = ({ startLine }: { readonly startLine: string }): boolean =>
  /^HTTP\/1\.1 [2-5]/.test(startLine);

/** One whole response, its end told by the message, from a server that keeps the connection. */
function isClean(entry: CorpusCase): boolean {
  const { expect, input, method } = entry;
  if ('error' in expect || lastsUntilClose(entry)) return false;
  if (/^HTTP\/1\.0|\r\nconnection:[^\r]*close/i.test(input)) return false;
  const messages = readCanonical('responses', expect.forwarded, method);
  return messages.findIndex(isFinal) === messages.length - 1;
}

import type { CorpusCase } from '../../sidecar/http1/corpus.ts';
import { ok, serve, type TestServer } from '../../sidecar/testing/wire.ts';

/** A server that answers `/N` with the bytes of case N, and anything else properly. */
export interface Responder extends TestServer {
  /** by target, the number of the connection its request came on */
  readonly connectionOf: ReadonlyMap<string, number>;
}

export async function startResponder(cases: readonly CorpusCase[]): Promise<Responder> {
  const connectionOf = new Map<string, number>();
  let connections = 0;
  const server = await serve((socket) => {
    const connection = connections;
    connections += 1;
    let text = '';
    socket.on('end', () => socket.end());
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        const target = text.split(' ')[1]!;
        text = text.slice(end + 4);
        connectionOf.set(target, connection);
        const entry = cases[Number(target.slice(1))];
        if (entry === undefined) socket.write(ok('probe'));
        else if (lastsUntilClose(entry)) socket.end(entry.input, 'latin1');
        else socket.write(entry.input, 'latin1');
      }
    });
  });
  return { ...server, connectionOf };
}

/** Whether the end of the connection is part of the case. */
export function lastsUntilClose({ expect, method }: CorpusCase): boolean {
  if ('error' in expect) return expect.error === 'truncated';
  const head = expect.forwarded.slice(expect.forwarded.search(/HTTP\/1\.1 [2-5]/)).split('\r\n\r\n')[0]!;
  const hasNoBody = method === 'HEAD' || /^HTTP\/1\.1 (?:204|304)/.test(head);
  return !hasNoBody && !/\r\n(?:content-length|transfer-encoding):/i.test(head);
}

/** A response as a client of the sidecar reads it. */
export interface ClientResponse {
  readonly startLine: string;
  /** name in lower case, and value; without what describes the connection and the framing */
  readonly fields: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
  /** the connection did not end within it */
  readonly complete: boolean;
}

const OF_THE_HOP = /^(?:connection|transfer-encoding|content-length):/i;

/** Everything that came on one connection, which has ended since. */
export function readResponses(text: string, method: string): ClientResponse[] {
  const responses: ClientResponse[] = [];
  for (let rest = text; rest !== ''; ) {
    const end = rest.indexOf('\r\n\r\n');
    const [startLine = '', ...lines] = (end === -1 ? rest : rest.slice(0, end)).split('\r\n');
    const content =
      end === -1
        ? { ...NOTHING, complete: false, length: rest.length }
        : readContent(rest.slice(end + 4), startLine, lines, method);
    const { body, trailers, complete, length } = content;
    responses.push({
      startLine,
      fields: lines.filter((line) => !OF_THE_HOP.test(line)),
      body,
      trailers,
      complete,
    });
    rest = end === -1 ? '' : rest.slice(end + 4 + length);
  }
  return responses;
}

interface Content {
  readonly body: string;
  readonly trailers: readonly string[];
  readonly complete: boolean;
  readonly length: number;
}
const NOTHING: Content = { body: '', trailers: [], complete: true, length: 0 };

function readContent(rest: string, startLine: string, lines: readonly string[], method: string): Content {
  if (method === 'HEAD' || /^HTTP\/1\.1 (?:1|204|304)/.test(startLine)) return NOTHING;
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(`\r\n${lines.join('\r\n')}\r\n`)?.[1];
  if (length !== undefined) {
    const body = rest.slice(0, Number(length));
    return { body, trailers: [], complete: body.length === Number(length), length: body.length };
  }
  return lines.some((line) => /^transfer-encoding: chunked$/i.test(line))
    ? readChunks(rest)
    : { ...NOTHING, body: rest, length: rest.length };
}

function readChunks(rest: string): Content {
  let body = '';
  for (let at = 0; ; ) {
    const line = /^([0-9a-f]+)\r\n/.exec(rest.slice(at));
    if (line === null) return { body, trailers: [], complete: false, length: rest.length };
    const size = Number.parseInt(line[1]!, 16);
    at += line[0].length;
    if (size === 0) return readTrailers(rest, at, body);
    if (rest.slice(at + size, at + size + 2) !== '\r\n')
      return { body, trailers: [], complete: false, length: rest.length };
    body += rest.slice(at, at + size);
    at += size + 2;
  }
}

function readTrailers(rest: string, at: number, body: string): Content {
  if (rest.startsWith('\r\n', at)) return { body, trailers: [], complete: true, length: at + 2 };
  const end = rest.indexOf('\r\n\r\n', at);
  if (end === -1) return { body, trailers: [], complete: false, length: rest.length };
  return { body, trailers: rest.slice(at, end).split('\r\n'), complete: true, length: end + 4 };
}

import type { Ending } from './client.fixture.ts';

/** What the client was told, read as a strict client reads it. */
export interface Told {
  readonly status: number;
  readonly error: string | undefined;
  readonly body: string;
  readonly isComplete: boolean;
}

export function readAnswer({ text, how }: Ending): Told {
  const final = text.replace(/^(?:HTTP\/1\.1 1\d\d [\s\S]*?\r\n\r\n)*/, '');
  const headEnd = final.indexOf('\r\n\r\n');
  const incomplete: Told = { status: 0, error: undefined, body: '', isComplete: false };
  if (headEnd === -1) return incomplete;
  const head = final.slice(0, headEnd);
  const rest = final.slice(headEnd + 4);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
  const error = /^weft-error: (.*)$/im.exec(head)?.[1];
  const length = /^content-length: (\d+)$/im.exec(head)?.[1];
  if (status === 204) return { status, error, body: rest, isComplete: true };
  if (length !== undefined) return { status, error, body: rest, isComplete: rest.length === Number(length) };
  if (!/^transfer-encoding: chunked$/im.test(head)) {
    return { status, error, body: rest, isComplete: how === 'end' };
  }
  const chunks = /^((?:[1-9a-f][0-9a-f]*\r\n[\s\S]*?\r\n)*)0\r\n(?:[^\r\n]+\r\n)*\r\n$/.exec(rest);
  const body = (chunks?.[1] ?? '').replaceAll(/[0-9a-f]+\r\n([\s\S]*?)\r\n/g, '$1');
  return { status, error, body, isComplete: chunks !== null };
}

import type { CorpusCase } from '../../sidecar/http1/corpus.ts';
import { talk } from '../../sidecar/testing/wire.ts';
import type { Front } from './front.ts';
import type { Backend, SeenRequest } from './seen-request.ts';

/** By case: what the client got, and what the backend understood. */
export interface Run {
  readonly answers: readonly string[];
  readonly seen: readonly (readonly SeenRequest[])[];
}

export interface Candidate {
  readonly name: string;
  readonly startBackend: () => Promise<Backend>;
  readonly startFront: (appPort: number) => Promise<Front>;
  readonly skip: string | false;
}

const markerPath = (index: number): string => `/marker/${index}`;

/**
 * Sends every case on a connection of its own, and after each an ordinary request: it takes over the
 * connection to the backend, so bytes that a case left there would show in it.
 */
export async function runAll(candidate: Candidate, cases: readonly CorpusCase[]): Promise<Run> {
  const backend = await candidate.startBackend();
  const front = await candidate.startFront(backend.port);
  try {
    const answers: string[] = [];
    for (const [index, entry] of cases.entries()) {
      answers.push(await talk(front.port, entry.input, true));
      await talk(
        front.port,
        `GET ${markerPath(index)} HTTP/1.1\r\nHost: marker\r\nConnection: close\r\n\r\n`,
      );
    }
    return { answers, seen: byMarker(await allSeen(backend, cases.length - 1), cases.length) };
  } finally {
    await front.stop();
    await backend.stop();
  }
}

/** A record may come later than the answer. */
async function allSeen(backend: Backend, last: number): Promise<readonly SeenRequest[]> {
  for (let attempt = 0; ; attempt += 1) {
    const seen = await backend.seen();
    if (seen.at(-1)?.target === markerPath(last) || attempt === 100) return seen;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function byMarker(all: readonly SeenRequest[], count: number): SeenRequest[][] {
  const groups: SeenRequest[][] = [];
  let from = 0;
  for (let index = 0; index < count; index += 1) {
    const isMarker = ({ host, method, target }: SeenRequest) =>
      host === 'marker' && method === 'GET' && target === markerPath(index);
    const to = all.findIndex((request, at) => at >= from && isMarker(request));
    if (to === -1) throw new Error(`the request after case ${index} did not arrive as it was sent`);
    groups.push(all.slice(from, to));
    from = to + 1;
  }
  if (from !== all.length) throw new Error('requests arrived after the last one');
  return groups;
}

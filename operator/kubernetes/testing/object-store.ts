import type { Answer } from './scripted-api.ts';
import { json, status } from './scripted-api.ts';

/** The least of an API server that remembers: objects by path. Lists, watches and patch types are not its business. */
export class ObjectStore {
  readonly objects = new Map<string, Record<string, unknown>>();
  /** method and last part of the path, in order */
  readonly writes: string[] = [];

  readonly answer: Answer = (response, request) => {
    const { method, path } = request;
    const body = request.body as { metadata?: { name?: string } } & Record<string, unknown>;
    const at = method === 'POST' ? `${path}/${body.metadata?.name}` : path;
    const existing = this.objects.get(at);
    if (method !== 'GET') this.writes.push(`${method} ${at.split('/').at(-1)}`);
    if (method === 'GET') return (existing ? json(existing) : status(404))(response, request);
    if (method !== 'POST' && !existing) return status(404)(response, request);
    const next = method === 'PATCH' ? { ...existing, ...body } : body;
    this.objects.set(at, next);
    return json(next)(response, request);
  };
}

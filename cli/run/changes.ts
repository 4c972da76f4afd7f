import type { Edge } from './admin-client.ts';

/**
 * Pure: what changed between two looks at the mesh, in words: a caller whose requests were refused and now
 * pass, or the other way round. Keyed by edge, so that a view can tell a policy change from more traffic.
 */
export interface Tally {
  readonly allowed: number;
  readonly denied: number;
}

export function tallies(edges: readonly Edge[]): Map<string, Tally> {
  const byEdge = new Map<string, Tally>();
  for (const edge of edges) {
    if (edge.direction !== 'inbound') continue;
    const key = `${edge.source} → ${edge.destination}`;
    const before = byEdge.get(key) ?? { allowed: 0, denied: 0 };
    byEdge.set(key, { allowed: before.allowed + edge.allowed, denied: before.denied + edge.denied });
  }
  return byEdge;
}

export function describeDelta(before: Map<string, Tally>, after: Map<string, Tally>): string[] {
  const lines: string[] = [];
  for (const [key, now] of after) {
    const then = before.get(key) ?? { allowed: 0, denied: 0 };
    const allowed = now.allowed - then.allowed;
    const denied = now.denied - then.denied;
    if (allowed > 0 || denied > 0) lines.push(`${key}: ${allowed} allowed, ${denied} denied`);
  }
  return lines;
}

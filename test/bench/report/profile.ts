/** What V8 writes with --cpu-prof (the DevTools protocol's Profiler.Profile); times in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** ids of the nodes that ran when the samples were taken */
  readonly samples: readonly number[];
  /** before each sample, since the one before it */
  readonly timeDeltas: readonly number[];
}
interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

export interface SelfTime {
  readonly name: string;
  /** a source file of the bundle, a `node:` module, or nothing for what is native */
  readonly place: string;
  readonly selfUs: number;
  /** of all time that was not idle */
  readonly share: number;
}

/** Functions by their own time, the most first; idle time is left out. `placeOf` names a frame's source. */
export function selfTimes(
  profile: CpuProfile,
  placeOf: (url: string, line: number) => string,
): readonly SelfTime[] {
  const byFunction = new Map<string, { name: string; place: string; selfUs: number }>();
  const usOf = usByNode(profile);
  for (const { id, callFrame } of profile.nodes) {
    const { functionName, url, lineNumber } = callFrame;
    if (functionName === '(idle)' || functionName === '(root)') continue;
    const name = functionName === '' ? `(anonymous, line ${lineNumber + 1})` : functionName;
    const place = placeOf(url, lineNumber);
    const key = `${name} ${place}`;
    const entry = byFunction.get(key) ?? { name, place, selfUs: 0 };
    entry.selfUs += usOf.get(id) ?? 0;
    byFunction.set(key, entry);
  }
  const busyUs = [...byFunction.values()].reduce((sum, { selfUs }) => sum + selfUs, 0);
  return [...byFunction.values()]
    .filter(({ selfUs }) => selfUs > 0)
    .map((entry) => ({ ...entry, share: entry.selfUs / busyUs }))
    .sort((a, b) => b.selfUs - a.selfUs);
}

/** A sample stands for the time until the next one. */
function usByNode({ samples, timeDeltas }: CpuProfile): Map<number, number> {
  const usOf = new Map<number, number>();
  for (const [i, id] of samples.entries()) usOf.set(id, (usOf.get(id) ?? 0) + (timeDeltas[i + 1] ?? 0));
  return usOf;
}

/** Which source a line of an unminified bundle came from: esbuild writes `// path` before each module. */
export function sourcesOf(bundle: string): (line: number) => string {
  const starts: { readonly line: number; readonly path: string }[] = [];
  for (const [line, text] of bundle.split('\n').entries()) {
    const path = /^\/\/ (\S+\.(?:ts|js|mjs|cjs))$/.exec(text)?.[1];
    if (path !== undefined) starts.push({ line, path });
  }
  return (line) => starts.findLast((start) => start.line <= line)?.path ?? '';
}

/** Shares by directory of the sources, by runtime module, and of what is native. */
export function sharesByPlace(times: readonly SelfTime[]): readonly { place: string; share: number }[] {
  const shares = new Map<string, number>();
  for (const { name, place, share } of times) {
    const group = place === '' ? name : place.startsWith('node:') ? place : place.replace(/\/[^/]*$/, '');
    // native functions without a place are many and small
    const known = place !== '' || name.startsWith('(') ? group : '(native functions)';
    shares.set(known, (shares.get(known) ?? 0) + share);
  }
  return [...shares].map(([place, share]) => ({ place, share })).sort((a, b) => b.share - a.share);
}

export function profileText(times: readonly SelfTime[], top: number): string {
  const line = (share: number, text: string) =>
    `  ${(share * 100).toFixed(1).padStart(5)} %  ${text}`.trimEnd();
  return [
    ...times.slice(0, top).map(({ share, name, place }) => line(share, `${name.padEnd(32)}  ${place}`)),
    '  by place:',
    ...sharesByPlace(times)
      .slice(0, 12)
      .map(({ share, place }) => line(share, place)),
  ].join('\n');
}

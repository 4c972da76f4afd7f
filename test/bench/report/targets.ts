import type { Row } from './row.ts';

/** A figure of Weft with the bound it has to keep and the one it should. */
export interface Target {
  readonly hop: string;
  readonly candidate?: string;
  readonly figure: 'ratio' | 'rssMb' | (string & {});
  readonly reach: number;
  readonly aim: number;
  readonly better: 'less' | 'more';
}

const less = (hops: readonly string[], figure: string, reach: number, aim: number): Target[] =>
  hops.map((hop) => ({ hop, figure, reach, aim, better: 'less' }));
const more = (hops: readonly string[], figure: string, reach: number, aim: number): Target[] =>
  hops.map((hop) => ({ hop, figure, reach, aim, better: 'more' }));

export const TARGETS: readonly Target[] = [
  ...less(['plaintext', 'plaintext-inbound', 'plaintext-post'], 'ratio', 1.8, 1.2),
  ...less(['mtls-inbound', 'mtls-outbound', 'mtls-inbound-post', 'mtls-outbound-post'], 'ratio', 2.5, 1.7),
  ...more(
    ['body-64k', 'body-1m', 'upload-64k', 'upload-1m', 'body-64k-mtls', 'body-1m-mtls', 'upload-1m-mtls'],
    'ratio',
    0.7,
    1.0,
  ),
  ...less(['h2-outbound', 'h2-inbound', 'h2-grpc-outbound', 'h2-grpc-inbound'], 'ratio', 2.2, 1.5),
  ...less(
    ['h2-mtls-outbound', 'h2-mtls-inbound', 'h2-grpc-mtls-outbound', 'h2-grpc-mtls-inbound'],
    ...(['ratio', 2.7, 1.5] as const),
  ),
  ...more(['tcp-down', 'tcp-up', 'tcp-inbound', 'tcp-mtls-inbound', 'tcp-mtls-outbound'], 'ratio', 0.7, 1.0),
  ...less(['handshake-new', 'handshake-resumed'], 'ratio', 1.5, 1.1),
  ...less(['memory-idle'], 'rssMb', 45, 30),
  ...less(['memory-64'], 'rssMb', 60, 40),
  ...less(['memory-5000-idle'], 'rssMb', 150, 100),
  ...less(['pair'], 'addedP50Ms', 0.5, 0.2),
  ...less(['pair'], 'addedP99Ms', 1.0, 0.3),
  ...less(['scale-endpoints', 'scale-routes'], 'ratioToSmallest', 1.1, 1.0),
  ...less(['start'], 'readyMs', 250, 100),
];

/** undefined: the target is of another row, or the row does not have the figure. */
export function verdictOf(target: Target, row: Row): string | undefined {
  if (row.hop !== target.hop || !isWeft(row)) return undefined;
  const value = figureOf(row, target.figure);
  if (value === undefined || Number.isNaN(value)) return undefined;
  // what fails is cheap
  if (row.errors) return 'no verdict: requests failed';
  const within = (bound: number) => (target.better === 'less' ? value <= bound : value >= bound);
  const verdict = within(target.aim) ? 'reached the aim' : within(target.reach) ? 'reached' : 'MISSED';
  const sign = target.better === 'less' ? '≤' : '≥';
  const name = target.figure === 'ratio' ? 'ratio' : target.figure;
  return `${verdict} (${name} ${sign} ${target.reach}, aim ${target.aim})`;
}

/** `weft`, and `weft, 1000 routes`. */
function isWeft({ candidate }: Row): boolean {
  return candidate === 'weft' || candidate.startsWith('weft,');
}

export function figureOf(row: Row, name: string): number | undefined {
  const value = (row as unknown as Record<string, unknown>)[name] ?? row.more?.[name];
  return typeof value === 'number' ? value : undefined;
}

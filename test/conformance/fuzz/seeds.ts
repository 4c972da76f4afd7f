import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Kind } from '../../../sidecar/http1/corpus/read.ts';

const FOLDER = new URL('../seeds/', import.meta.url);

/** Inputs found earlier: each ran something that no input before it did, or broke something. */
export function readSeeds(kind: Kind): Buffer[] {
  mkdirSync(FOLDER, { recursive: true });
  const names = readdirSync(FOLDER).filter((name) => name.startsWith(`${kind}-`));
  return names.sort().map((name) => readFileSync(new URL(name, FOLDER)));
}

/** Under a name made of its content, so that none is kept twice; returns the name. */
export function keepSeed(kind: Kind, input: Buffer): string {
  const name = `${kind}-${createHash('sha256').update(input).digest('hex').slice(0, 12)}`;
  writeFileSync(new URL(name, FOLDER), input);
  return name;
}

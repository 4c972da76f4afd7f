import type { HeaderChanges } from '../../api/destination-traffic.ts';
import { FRAMING_HEADERS } from '../../api/framing-headers.ts';
import { wireText } from '../http1/characters.ts';
import type { Fields } from '../http1/fields.ts';

export type HeaderChange = (fields: Fields) => void;

const UNTOUCHABLE: ReadonlySet<string> = new Set(FRAMING_HEADERS);

/** Removes, then sets, then adds. Undefined: nothing to do. */
export function compileHeaderChanges(changes: HeaderChanges | undefined): HeaderChange | undefined {
  if (changes === undefined) return undefined;
  const removed = (changes.remove ?? []).map((name) => name.toLowerCase()).filter(isAllowed);
  const set = (changes.set ?? []).map(onWire).filter(({ name }) => isAllowed(name.toLowerCase()));
  const added = (changes.add ?? []).map(onWire).filter(({ name }) => isAllowed(name.toLowerCase()));
  const replaced = [...removed, ...set.map(({ name }) => name.toLowerCase())];
  return (fields) => {
    for (const name of replaced) fields.remove(name);
    for (const { name, value } of set) fields.add(name, value);
    for (const { name, value } of added) fields.add(name, value);
  };
}

function isAllowed(lowerCaseName: string): boolean {
  return !UNTOUCHABLE.has(lowerCaseName) && !lowerCaseName.startsWith('weft-');
}
function onWire({ name, value }: { name: string; value: string }): { name: string; value: string } {
  return { name, value: wireText(value) };
}

import { createHash } from 'node:crypto';
import type { Version } from '../../api/version.ts';
import { canonicalJson } from './canonical-json.ts';

const HASH_LENGTH = 32;

/** `content` is the object without its version; `policies` maps policy uid to the generation in force. */
export function versionOf(content: object, policies: ReadonlyMap<string, number>): Version {
  return {
    hash: createHash('sha256').update(canonicalJson(content)).digest('hex').slice(0, HASH_LENGTH),
    policies: Object.fromEntries([...policies].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

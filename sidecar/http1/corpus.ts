import { AUTHORITIES } from './corpus/authorities.ts';
import type { CorpusCase } from './corpus/case.ts';
import { CHUNKS } from './corpus/chunks.ts';
import { CONNECTIONS } from './corpus/connections.ts';
import { FIELDS } from './corpus/fields.ts';
import { FRAMING } from './corpus/framing.ts';
import { HOP_BY_HOP } from './corpus/hop-by-hop.ts';
import { HOSTS } from './corpus/hosts.ts';
import { LINE_ENDS } from './corpus/line-ends.ts';
import { REQUEST_LINES } from './corpus/request-lines.ts';
import { RESPONSE_BODIES } from './corpus/response-bodies.ts';
import { RESPONSE_HEADS } from './corpus/response-heads.ts';
import { SMUGGLING } from './corpus/smuggling.ts';
import { TARGETS } from './corpus/targets.ts';

export type { CorpusCase } from './corpus/case.ts';

export const REQUESTS: readonly CorpusCase[] = [
  ...REQUEST_LINES,
  ...LINE_ENDS,
  ...TARGETS,
  ...AUTHORITIES,
  ...HOSTS,
  ...FIELDS,
  ...HOP_BY_HOP,
  ...FRAMING,
  ...CHUNKS,
  ...SMUGGLING,
  ...CONNECTIONS,
];
export const RESPONSES: readonly CorpusCase[] = [...RESPONSE_HEADS, ...RESPONSE_BODIES];

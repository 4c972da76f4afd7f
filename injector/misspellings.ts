import { closest } from '../api/closest.ts';
import * as names from '../api/names.ts';
import type { Pod } from './pod.ts';

const PREFIX = `${names.API_GROUP}/`;
const LABELS = [names.LABEL_INJECT, names.LABEL_INJECTED];
const ANNOTATIONS = [
  names.ANNOTATION_PROXY,
  names.ANNOTATION_STATUS,
  names.ANNOTATION_SKIP_INBOUND_PORTS,
  names.ANNOTATION_SKIP_OUTBOUND_PORTS,
  names.ANNOTATION_SKIP_OUTBOUND_CIDRS,
  names.ANNOTATION_CPU_REQUEST,
  names.ANNOTATION_MEMORY_REQUEST,
  names.ANNOTATION_CPU_LIMIT,
  names.ANNOTATION_MEMORY_LIMIT,
  names.ANNOTATION_LOG_LEVEL,
  names.ANNOTATION_IMAGE,
];
const SHOWN_MAX = 80;

/** Warnings about what a pod says to Weft and Weft does not understand: such words count for nothing. */
export function misspellings(pod: Pod): string[] {
  const { labels, annotations } = pod.metadata ?? {};
  return [
    ...injectValue(labels),
    ...unknownNames('label', labels, LABELS, ANNOTATIONS),
    ...unknownNames('annotation', annotations, ANNOTATIONS, LABELS),
  ];
}

type Entries = Readonly<Record<string, string>> | null | undefined;

function injectValue(labels: Entries): string[] {
  const value = labels?.[names.LABEL_INJECT];
  if (value === undefined || value === 'enabled' || value === 'disabled') return [];
  return [`${names.LABEL_INJECT}=${shown(value)} is not understood: write enabled or disabled`];
}

function unknownNames(
  what: 'label' | 'annotation',
  entries: Entries,
  known: readonly string[],
  knownElsewhere: readonly string[],
): string[] {
  return Object.keys(entries ?? {})
    .filter((name) => name.startsWith(PREFIX) && !known.includes(name))
    .map((name) => `${what} ${shown(name)} is not understood${advice(what, name, known, knownElsewhere)}`);
}

function advice(
  what: 'label' | 'annotation',
  name: string,
  known: readonly string[],
  knownElsewhere: readonly string[],
): string {
  const other = what === 'label' ? 'an annotation' : 'a label';
  if (knownElsewhere.includes(name)) return `: write it as ${other}`;
  // Without the prefix, which would make all names alike.
  const meant = closest(name.slice(PREFIX.length), known.map(withoutPrefix));
  return meant === undefined ? ' and does not count' : `: did you mean ${PREFIX}${meant}?`;
}

function withoutPrefix(name: string): string {
  return name.slice(PREFIX.length);
}

/** The object has not been validated yet: a name or value may be endless. */
function shown(text: string): string {
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}

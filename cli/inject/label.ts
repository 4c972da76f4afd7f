import { type Document, isMap, isSeq, parseAllDocuments, type YAMLMap } from 'yaml';
import type { DocumentText } from '../../api/analysis.ts';
import { LABEL_INJECT } from '../../api/names.ts';
import { UsageError } from '../usage-error.ts';

/** Where each kind has the metadata and the spec of its pods. */
const POD_AT: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  ReplicationController: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
};
const ITEMS_MAX = 10_000;

export interface Labelled {
  /** the documents, as they were but for the label */
  readonly text: string;
  /** what was done, or left, and why; one line each */
  readonly notes: readonly string[];
}

/**
 * Adds the label that asks for a sidecar to every pod and pod template; everything else stays, comments and the way
 * that values are written included. Throws UsageError for what is no YAML.
 */
export function labelPods(documents: readonly DocumentText[]): Labelled {
  const notes: string[] = [];
  const texts = documents.flatMap(({ file, text }) =>
    parse(file, text).map((document) => {
      for (const object of objectsOf(document.contents)) labelObject(document, object, notes);
      return document.toString({ lineWidth: 0, directives: false });
    }),
  );
  return { text: texts.join('---\n'), notes };
}

/** With every scalar as it is written: `0644`, `on` and `1.10` mean something else to other versions of YAML. */
function parse(file: string, text: string): Document.Parsed[] {
  const documents = parseAllDocuments(text, { schema: 'failsafe' });
  if (!Array.isArray(documents)) return [];
  for (const { errors } of documents) {
    if (errors[0]) throw new UsageError(`${file}: ${errors[0].message.split('\n')[0]}`, 'write YAML or JSON');
  }
  return documents.filter(({ contents }) => isMap(contents));
}

function objectsOf(node: unknown): YAMLMap[] {
  if (!isMap(node)) return [];
  const items = node.get('items');
  if (!String(node.get('kind')).endsWith('List') || !isSeq(items)) return [node];
  if (items.items.length > ITEMS_MAX)
    throw new UsageError(`a list has more than ${ITEMS_MAX} items`, 'split it');
  return items.items.flatMap((item) => (isMap(item) ? [item] : []));
}

function labelObject(document: Document, object: YAMLMap, notes: string[]): void {
  const kind = String(object.get('kind'));
  if (!Object.hasOwn(POD_AT, kind)) return;
  const name = `${kind.toLowerCase()}/${object.getIn(['metadata', 'name']) ?? object.getIn(['metadata', 'generateName']) ?? '?'}`;
  const pod = POD_AT[kind]!.length === 0 ? object : object.getIn(POD_AT[kind]!);
  if (!isMap(pod)) return void notes.push(`${name}: left as it is, it has no pod template`);
  const label = pod.getIn(['metadata', 'labels', LABEL_INJECT]);
  if (String(pod.getIn(['spec', 'hostNetwork'])) === 'true') {
    notes.push(`${name}: left as it is, a pod with hostNetwork has no network of its own to redirect`);
  } else if (label === 'enabled') {
    notes.push(`${name}: asks for a sidecar already`);
  } else if (label !== undefined) {
    notes.push(`${name}: left as it is, its label says ${LABEL_INJECT}=${String(label)}`);
  } else {
    for (const path of [['metadata'], ['metadata', 'labels']]) {
      if (!isMap(pod.getIn(path))) pod.setIn(path, document.createNode({}));
    }
    pod.setIn(['metadata', 'labels', LABEL_INJECT], 'enabled');
    notes.push(`${name}: asks for a sidecar now`);
  }
}

/** Where a document stands, for people. */
export interface Position {
  readonly file: string;
  readonly line: number;
  /** of each entry of a Workload's `spec.outbound` */
  readonly outboundLines: readonly number[];
  /** of a field, `spec.inbound.authorization.rules[web-reads].from[0]`, or of what is nearest to it */
  readonly lineOf: (field: string) => number;
}

/** Beside the documents, which have no room for it: a schema closed to the outside describes them. */
const positions = new WeakMap<object, Position>();

export function remember<T extends object>(document: T, position: Position): T {
  positions.set(document, position);
  return document;
}

/** @param document as `readDocuments` made it, not a copy */
export function positionOf(document: object): Position {
  return positions.get(document) ?? { file: '', line: 1, outboundLines: [], lineOf: () => 1 };
}

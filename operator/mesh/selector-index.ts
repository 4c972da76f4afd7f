import { MultiMap } from './multi-map.ts';
import { type Labels, selects } from './selector.ts';

/** What has a selector, found by the labels that it selects. */
export class SelectorIndex {
  readonly #selectors = new Map<string, readonly Labels[]>();
  /** under one label of each selector, the first by name: who lacks it is not selected */
  readonly #byLabel = new MultiMap();

  /** @param selectors any of them; an empty list removes */
  set(key: string, namespace: string, selectors: readonly Labels[]): void {
    for (const selector of this.#selectors.get(key) ?? [])
      this.#byLabel.delete(entry(namespace, selector), key);
    if (selectors.length === 0) this.#selectors.delete(key);
    else this.#selectors.set(key, selectors);
    for (const selector of selectors) this.#byLabel.add(entry(namespace, selector), key);
  }

  /** Those of the namespace that select these labels, each once. */
  selecting(namespace: string, labels: Labels): Set<string> {
    const found = new Set<string>();
    for (const [name, value] of Object.entries(labels)) {
      for (const key of this.#byLabel.each(labelKey(namespace, name, value))) {
        if (this.#selectors.get(key)!.some((selector) => selects(selector, labels))) found.add(key);
      }
    }
    return found;
  }
}

/** What has labels, found by a selector. */
export class LabelIndex {
  readonly #labels = new Map<string, Labels>();
  readonly #byLabel = new MultiMap();

  /** @param labels undefined removes */
  set(key: string, namespace: string, labels: Labels | undefined): void {
    for (const [name, value] of Object.entries(this.#labels.get(key) ?? {})) {
      this.#byLabel.delete(labelKey(namespace, name, value), key);
    }
    if (labels === undefined) this.#labels.delete(key);
    else this.#labels.set(key, labels);
    for (const [name, value] of Object.entries(labels ?? {})) {
      this.#byLabel.add(labelKey(namespace, name, value), key);
    }
  }

  /** Those of the namespace that are selected, in no order; an empty selector selects nothing. */
  *selected(namespace: string, selector: Labels): Iterable<string> {
    const entries = Object.entries(selector).map(([name, value]) => labelKey(namespace, name, value));
    const [rarest] = entries.sort((a, b) => this.#byLabel.size(a) - this.#byLabel.size(b));
    if (rarest === undefined) return;
    for (const key of this.#byLabel.each(rarest)) {
      if (selects(selector, this.#labels.get(key)!)) yield key;
    }
  }
}

function entry(namespace: string, selector: Labels): string {
  const [name] = Object.keys(selector).sort();
  return name === undefined ? '' : labelKey(namespace, name, selector[name]!);
}

/** Neither namespaces nor names of labels contain a blank. */
function labelKey(namespace: string, name: string, value: string): string {
  return `${namespace} ${name} ${value}`;
}

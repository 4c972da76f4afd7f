/**
 * Which of many path patterns can match a path, in time that depends on the path and not on their number: a
 * radix tree (Morrison 1968, PATRICIA) over the patterns' text. Nothing is hashed, so no choice of patterns
 * makes it slow, and looking up allocates nothing.
 */
export class PathIndex<T> {
  readonly #root: TreeNode<T> = newNode('');
  /** buckets of the last `lookup`, the least specific first; only the counted ones are meant */
  readonly found: (readonly T[])[] = [];

  /** For this path and no other. Items of one bucket keep the order in which they were added. */
  addExact(path: string, item: T): void {
    const node = this.#nodeOf(path);
    node.exact ??= [];
    node.exact.push(item);
  }

  /** For `prefix` itself and what goes on with `/` after it; the empty prefix is for every path. */
  addPrefix(prefix: string, item: T): void {
    const node = this.#nodeOf(prefix);
    node.below ??= [];
    node.below.push(item);
  }

  /** Puts the buckets that hold for the path, which begins with `/`, into `found`; returns how many. */
  lookup(path: string): number {
    const found = this.found;
    const length = path.length;
    let node = this.#root;
    let at = 0;
    let count = 0;
    if (node.below !== undefined) found[count++] = node.below;
    if (length === 0 && node.exact !== undefined) found[count++] = node.exact;
    while (at < length) {
      const child = node.children?.get(path.charCodeAt(at));
      if (child === undefined || !continuesWith(path, at, child.text)) break;
      node = child;
      at += child.text.length;
      const atEnd = at === length;
      if (node.below !== undefined && (atEnd || path.charCodeAt(at) === SLASH)) found[count++] = node.below;
      if (node.exact !== undefined && atEnd) found[count++] = node.exact;
    }
    return count;
  }

  #nodeOf(text: string): TreeNode<T> {
    let node = this.#root;
    let at = 0;
    while (at < text.length) {
      const code = text.charCodeAt(at);
      node.children ??= new Map();
      const child = node.children.get(code);
      const next = child === undefined ? newNode<T>(text.slice(at)) : splitAtDifference(child, text, at);
      node.children.set(code, next);
      node = next;
      at += next.text.length;
    }
    return node;
  }
}

const SLASH = 0x2f;

interface TreeNode<T> {
  /** what leads here from the parent */
  text: string;
  exact: T[] | undefined;
  below: T[] | undefined;
  /** by the first character code of their text */
  children: Map<number, TreeNode<T>> | undefined;
}

function newNode<T>(text: string): TreeNode<T> {
  return { text, exact: undefined, below: undefined, children: undefined };
}

function continuesWith(path: string, at: number, text: string): boolean {
  if (path.length - at < text.length) return false;
  // the first character is known to be equal
  for (let i = 1; i < text.length; i += 1) {
    if (path.charCodeAt(at + i) !== text.charCodeAt(i)) return false;
  }
  return true;
}

/** The child itself when all its text goes on in `text`, otherwise a new parent with what they have in common. */
function splitAtDifference<T>(child: TreeNode<T>, text: string, at: number): TreeNode<T> {
  let common = 1;
  const limit = Math.min(child.text.length, text.length - at);
  while (common < limit && child.text.charCodeAt(common) === text.charCodeAt(at + common)) common += 1;
  if (common === child.text.length) return child;
  const parent = newNode<T>(child.text.slice(0, common));
  child.text = child.text.slice(common);
  parent.children = new Map([[child.text.charCodeAt(0), child]]);
  return parent;
}

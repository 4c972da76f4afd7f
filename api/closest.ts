/** Longer names than this are not typing mistakes, and comparing them would cost time. */
const NAME_MAX_LENGTH = 100;

/**
 * The known name a mistyped one most likely means, regardless of case: at most a third of its letters are wrong,
 * and no more than three. Undefined: none is near.
 */
export function closest(name: string, known: readonly string[]): string | undefined {
  if (name.length > NAME_MAX_LENGTH) return undefined;
  const near = known
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.min(3, Math.ceil(candidate.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return near[0]?.candidate;
}

/** Levenshtein: how many letters to insert, remove or replace. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [row, letter] of Array.from(a).entries()) {
    const current = [row + 1];
    for (let column = 1; column <= b.length; column++) {
      const replaced = above[column - 1]! + (letter === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, above[column]! + 1, current[column - 1]! + 1));
    }
    above = current;
  }
  return above[b.length]!;
}

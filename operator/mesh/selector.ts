export type Labels = Readonly<Record<string, string>>;

/** An empty selector selects nothing, as for Services. */
export function selects(selector: Labels, labels: Labels): boolean {
  const wanted = Object.entries(selector);
  return (
    wanted.length > 0 &&
    wanted.every(([name, value]) => Object.hasOwn(labels, name) && labels[name] === value)
  );
}

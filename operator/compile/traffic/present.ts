export type Present<T> = { [K in keyof T]?: NonNullable<T[K]> };

/** Without the members that are undefined; undefined when none is left, because documents have no empty objects. */
export function present<T extends object>(members: T): Present<T> | undefined {
  const there = Object.entries(members).filter(([, value]) => value !== undefined);
  return there.length === 0 ? undefined : (Object.fromEntries(there) as Present<T>);
}

/**
 * What stands in a document at a path as findings and origins write it: `spec.inbound.mtls.mode`,
 * `spec.traffic.routes[canary].match[0]`; items of lists by their name or their place. Undefined: nothing does.
 */
export function valueByPath(document: unknown, path: string): unknown {
  return stepsOf(path).reduce<unknown>(stepInto, document);
}

function stepsOf(path: string): string[] {
  return [...path.matchAll(/\[([^\]]*)\]|([^.[\]]+)/g)].map(([, item, field]) => (item ?? field)!);
}

function stepInto(value: unknown, step: string): unknown {
  if (Array.isArray(value)) return value.find((item) => item?.name === step) ?? value[Number(step)];
  return (value as Readonly<Record<string, unknown>> | undefined)?.[step];
}

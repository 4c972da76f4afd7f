import type { DestinationRoute } from '../../api/destination-traffic.ts';

/** `random` in [0, 1); returns the index of a backend, -1 for the destination's own endpoints. */
export type BackendChoice = (random: number) => number;

/** Each gets its share of the sum of the weights; those of weight 0 get nothing. */
export function chooseBackend(backends: NonNullable<DestinationRoute['backends']>): BackendChoice {
  const weighted = backends.filter(({ weight }) => weight > 0);
  const [first] = weighted;
  if (first === undefined) throw new Error('the weights of the backends sum to 0');
  if (weighted.length === 1) return () => first.backend;
  const bounds: number[] = [];
  let total = 0;
  for (const { weight } of weighted) {
    total += weight;
    bounds.push(total);
  }
  return (random) => {
    const at = random * total;
    let index = 0;
    while (at >= bounds[index]! && index < bounds.length - 1) index += 1;
    return weighted[index]!.backend;
  };
}

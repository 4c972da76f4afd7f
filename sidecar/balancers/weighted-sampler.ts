/**
 * Draws indices in proportion to weights in constant time: the alias method (Walker 1977, built in O(n) as
 * Vose 1991 does). With equal weights, the usual case, no table is kept.
 */
export class WeightedSampler {
  readonly #random: () => number;
  #size = 0;
  /** column i is i with probability keep[i], otherwise alias[i]; empty when weights are equal */
  #keep = new Float64Array(0);
  #alias = new Uint32Array(0);

  constructor(random: () => number) {
    this.#random = random;
  }

  get isUniform(): boolean {
    return this.#keep.length === 0;
  }

  /** Weights are positive. */
  update(weights: Float64Array): void {
    this.#size = weights.length;
    const uniform = areEqual(weights);
    this.#keep = uniform ? new Float64Array(0) : Float64Array.from(weights);
    this.#alias = new Uint32Array(this.#keep.length);
    if (!uniform) this.#build();
  }

  /** An index below the number of weights, of which there is at least one. */
  sample(): number {
    const drawn = this.#random() * this.#size;
    const column = Math.min(Math.floor(drawn), this.#size - 1);
    if (this.#keep.length === 0) return column;
    return drawn - column < (this.#keep[column] as number) ? column : (this.#alias[column] as number);
  }

  /** Fills what each column under the mean lacks from one that is over it. */
  #build(): void {
    const keep = this.#keep;
    const scale = keep.length / total(keep);
    const under: number[] = [];
    const over: number[] = [];
    for (let index = 0; index < keep.length; index += 1) {
      keep[index] = (keep[index] as number) * scale;
      ((keep[index] as number) < 1 ? under : over).push(index);
    }
    while (under.length > 0 && over.length > 0) {
      const poor = under.pop() as number;
      const rich = over[over.length - 1] as number;
      this.#alias[poor] = rich;
      keep[rich] = (keep[rich] as number) - (1 - (keep[poor] as number));
      if ((keep[rich] as number) < 1) under.push(over.pop() as number);
    }
    // what is left differs from one by rounding only
    for (const index of under) keep[index] = 1;
    for (const index of over) keep[index] = 1;
  }
}

export function total(weights: Float64Array): number {
  let sum = 0;
  for (const weight of weights) sum += weight;
  return sum;
}

function areEqual(weights: Float64Array): boolean {
  for (const weight of weights) if (weight !== weights[0]) return false;
  return true;
}

/**
 * The Generic Cell Rate Algorithm in its virtual scheduling form (ITU-T I.371, annex A; ATM Forum TM 4.1, 4.4.5):
 * all it keeps of a flow is the theoretical arrival time (TAT) of its next request. `requests` each `perMs` arrive
 * at even distances, and up to `burst` of them may come early. In any span of t at most
 * `1 + burst + t · requests / perMs` conform.
 *
 * Times are whole numbers of units. A unit is so small a part of a microsecond that the distance between two
 * requests is a whole number too, so nothing is lost to rounding: exact below 2^53 units, which is years for the
 * rates people write, and off by less than a millionth of the rate after that.
 */
export class Gcra {
  readonly #unitsPerUs: number;
  readonly #distance: number;
  readonly #tolerance: number;

  constructor(requests: number, perMs: number, burst: number) {
    const perUs = perMs * 1_000;
    const common = greatestCommonDivisor(requests, perUs);
    this.#unitsPerUs = requests / common;
    this.#distance = perUs / common;
    this.#tolerance = burst * this.#distance;
  }

  /** A monotonic clock in units. */
  units(nowMs: number): number {
    return Math.round(nowMs * 1_000) * this.#unitsPerUs;
  }

  /** How long a request that comes at `now` comes too early; not above 0: it conforms. */
  early(tat: number, now: number): number {
    return tat - now - this.#tolerance;
  }

  /** The TAT after a request that conformed. */
  next(tat: number, now: number): number {
    return Math.max(tat, now) + this.#distance;
  }

  milliseconds(units: number): number {
    return units / this.#unitsPerUs / 1_000;
  }
}

function greatestCommonDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestCommonDivisor(other, one % other);
}

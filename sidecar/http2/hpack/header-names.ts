import { HeaderName } from './header-name.ts';

/** Of one text. A longer name is looked at each time. */
const MAX_KNOWN_LENGTH = 64;
/** As many junk names as there are places, so often, do not push out a name without being used meanwhile. */
const MOST_USES = 3;

/**
 * Names are few; one that comes again is not looked at again. Since a peer can invent names without end there are
 * places for so many, and a new one takes the place of one that is of no use: a hand goes round and takes a use from
 * each it passes, until it finds one that has none left (CLOCK, as caches of pages do it).
 */
export class HeaderNames {
  readonly #most: number;
  readonly #byText = new Map<string, HeaderName>();
  /** those that may go */
  readonly #places: HeaderName[] = [];
  #hand = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#byText.size;
  }

  /** One that is our own, or of the standard, and never goes; before any other comes. */
  own(text: string): HeaderName {
    return this.#byText.get(text) ?? this.#add(text, this.#byText.size);
  }

  get(text: string): HeaderName {
    const known = this.#byText.get(text);
    if (known !== undefined) {
      markUsed(known);
      return known;
    }
    if (text.length > MAX_KNOWN_LENGTH) return new HeaderName(text, -1);
    return this.#byText.size < this.#most ? this.#fill(text) : this.#replace(text);
  }

  #add(text: string, id: number): HeaderName {
    // not a slice that keeps the text of a whole message alive
    const name = new HeaderName(Buffer.from(text, 'latin1').toString('latin1'), id);
    this.#byText.set(name.text, name);
    return name;
  }

  #fill(text: string): HeaderName {
    const name = this.#add(text, this.#byText.size);
    this.#places.push(name);
    return name;
  }

  #replace(text: string): HeaderName {
    const place = this.#unusedPlace();
    const gone = this.#places[place]!;
    this.#byText.delete(gone.text);
    this.#places[place] = this.#add(text, gone.id);
    return this.#places[place];
  }

  /** After so many rounds none has a use left: every step but the last takes one that somebody had to add. */
  #unusedPlace(): number {
    for (;;) {
      const place = this.#hand;
      const name = this.#places[place]!;
      this.#hand = place + 1 === this.#places.length ? 0 : place + 1;
      if (name.uses === 0) return place;
      name.uses -= 1;
    }
  }
}

/** It came again, or was found in a table. */
export function markUsed(name: HeaderName): void {
  if (name.uses < MOST_USES) name.uses += 1;
}

/** Of the process: every connection has the same few names. */
const NAMES = new HeaderNames(1_024);

/** The name of a field as it is written in HTTP/2, or would be refused. */
export function headerName(text: string): HeaderName {
  return NAMES.get(text);
}

/** One that this program writes itself; while it is loaded. */
export function ownName(text: string): HeaderName {
  return NAMES.own(text);
}

import fc from 'fast-check';

/** Something whose events come in any order, and what must hold after each of them. */
export interface World<Event> {
  start(): Promise<void>;
  happen(event: Event): Promise<void>;
  /** Throws where it does not hold. */
  check(): void;
}

/** Lets schedules of 60 to `maxLength` events happen, each to a world of its own. */
export async function anySchedule<Event, W extends World<Event>>(
  makeWorld: () => W,
  event: fc.Arbitrary<Event>,
  { maxLength, runs, ended }: { maxLength: number; runs: number; ended: (world: W) => void },
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.noBias(event), { minLength: 60, maxLength, size: 'max' }),
      async (events) => {
        const world = makeWorld();
        await world.start();
        for (const each of events) {
          await world.happen(each);
          world.check();
        }
        ended(world);
      },
    ),
    { numRuns: runs },
  );
}

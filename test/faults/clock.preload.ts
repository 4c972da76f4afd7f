/** Loaded first, so that nothing keeps the real clock: the wall clock is as far off as it is told. */
const realNow = Date.now;
let offsetMs = 0;

Date.now = () => realNow() + offsetMs;
globalThis.Date = new Proxy(Date, {
  construct: (target, values: [], newTarget) =>
    Reflect.construct(target, values.length === 0 ? [target.now()] : values, newTarget) as object,
});

(globalThis as { jumpClock?: (ms: number) => void }).jumpClock = (ms) => {
  offsetMs = ms;
};

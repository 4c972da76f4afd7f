/**
 * The one entry point: `weft operator | injector | sidecar | init` start a room, everything else is a command
 * for people. Rooms are loaded on demand, so that a sidecar never holds the operator.
 */
const ROOMS: Readonly<Record<string, () => Promise<{ main(argv: string[]): Promise<void> }>>> = {
  operator: () => import('./operator/main.ts'),
  injector: () => import('./injector/main.ts'),
  sidecar: () => import('./sidecar/main.ts'),
  init: () => import('./init/main.ts'),
};

const [room = '', ...rest] = process.argv.slice(2);
if (Object.hasOwn(ROOMS, room)) {
  const { main } = await ROOMS[room]!();
  await main(rest);
} else {
  const { main } = await import('./cli/main.ts');
  await main(process.argv.slice(2));
}

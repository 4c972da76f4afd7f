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
// what serves has no reader that may have seen enough
if (!Object.hasOwn(ROOMS, room) || rest.includes('--help')) endWithReader();
if (Object.hasOwn(ROOMS, room)) {
  const { main } = await ROOMS[room]!();
  await main(rest);
} else {
  const { main } = await import('./cli/main.ts');
  await main(process.argv.slice(2));
}

/** Whoever reads what is printed has seen enough (`weft … --help | head`): that is the end, and no error. */
function endWithReader(): void {
  for (const output of [process.stdout, process.stderr]) {
    output.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit();
    });
  }
}

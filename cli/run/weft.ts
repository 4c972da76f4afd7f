/** The command line that starts this very program again: `weft operator`, `weft sidecar`. */
export const WEFT: readonly string[] = [process.execPath, process.argv[1]!];

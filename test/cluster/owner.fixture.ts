// Starts a cluster of its own in the given directory and says so; then it waits for its end.
import { noProgress } from './progress.ts';
import { RunningCluster } from './runningcluster.ts';

await RunningCluster.start(String(process.argv[2]), false, noProgress);
console.log('ready');
setInterval(() => {}, 1_000);

// Starts an API server and says where its files are; then it waits for its end.
import { dirname } from 'node:path';
import { startApiServer } from './apiserver.ts';

const { kubeconfigPath } = await startApiServer();
console.log(dirname(kubeconfigPath));
setInterval(() => {}, 1_000);

// A plain HTTP service that also tries, every few seconds, what it may not do: read payments.
import { createServer } from 'node:http';

createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ items: ['loom', 'shuttle', 'yarn'] }));
}).listen(Number(process.env.PORT), '127.0.0.1');

setInterval(async () => {
  await fetch(`${process.env.PAYMENTS}/v1/charges`)
    .then((response) => response.arrayBuffer())
    .catch(() => {});
}, 3000);

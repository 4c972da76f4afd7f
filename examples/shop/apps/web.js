// The shop's front: reads the catalog and the charges, and tries now and then to write a charge.
import { createServer } from 'node:http';

const { PAYMENTS, CATALOG, PORT } = process.env;

createServer(async (_request, response) => {
  const items = await fetch(`${CATALOG}/items`).then((answer) => answer.json());
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(items));
}).listen(Number(PORT), '127.0.0.1');

const call = (url, init) =>
  fetch(url, init)
    .then((response) => response.arrayBuffer())
    .catch(() => {});

setInterval(() => call(`${PAYMENTS}/v1/charges`), 500);
setInterval(() => call(`${CATALOG}/items`), 1000);
setInterval(() => call(`${PAYMENTS}/v1/charges`, { method: 'POST' }), 2000);

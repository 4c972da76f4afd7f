// A plain HTTP service. It trusts what its sidecar says about the caller, and nothing else.
import { createServer } from 'node:http';

const charges = [{ id: 1, amount: 4200 }];

createServer((request, response) => {
  const caller = request.headers['weft-caller'] ?? 'somebody unknown';
  const created = request.method === 'POST';
  response.writeHead(created ? 201 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ charges, servedTo: caller }));
}).listen(Number(process.env.PORT), '127.0.0.1');

'use strict';
// The floor that everything is compared with: the least that node:http can be made to do for the same
// bytes. BENCH_ANSWER is {"head": [name, value, …], "body": "…"}; the port is the first argument.
const http = require('node:http');

const { head, body } = JSON.parse(process.env.BENCH_ANSWER);
const bytes = Buffer.from(body);

http
  .createServer((_request, response) => {
    response.writeHead(200, head);
    response.end(bytes);
  })
  .listen(Number(process.argv[2]), '127.0.0.1');

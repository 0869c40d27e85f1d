'use strict';
// The floor that everything is compared with: the least that node:http can be made to do for the same
// bytes. BENCH_ANSWER is {"head": [name, value, …], "body": "…", "keepAliveMs": …}; the port is the first
// argument. The backlog is as long as the kernel allows, so that a crowd is not turned away at the door.
const http = require('node:http');

const { head, body, keepAliveMs } = JSON.parse(process.env.BENCH_ANSWER);
const server = http.createServer({ keepAliveTimeout: keepAliveMs }, (_request, response) => {
  response.writeHead(200, head);
  // A string leaves in one write with the headers; a Buffer would be a second one, and 10 % dearer.
  response.end(body);
});
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });

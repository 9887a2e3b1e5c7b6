// A stand-in for the currencyservice: it answers every request with its name.
const http = require('http');

http
  .createServer((request, response) => response.end('currencyservice\n'))
  .listen(Number(process.env.PORT));

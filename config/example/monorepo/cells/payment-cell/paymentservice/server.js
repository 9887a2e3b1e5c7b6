// A stand-in for the paymentservice: it answers every request with its name.
const http = require('http');

http
  .createServer((request, response) => response.end('paymentservice\n'))
  .listen(Number(process.env.PORT));

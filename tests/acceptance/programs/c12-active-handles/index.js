const fs = require('fs');
const net = require('net');

const names = (things) => things.map((thing) => thing.constructor.name).sort();

function look() {
  return { handles: names(process._getActiveHandles()), requests: names(process._getActiveRequests()) };
}

exports.handler = function (event, context, callback) {
  const before = look();
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    fs.readFile(__filename, () => {
      server.close();
      setTimeout(() => callback(null, { before, open, after: look() }), 10);
    });
    const open = look();
  });
};

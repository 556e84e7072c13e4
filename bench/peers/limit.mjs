// Node.js with nothing around it but the way in. argv: `frames PATH` (length-prefixed frames on a socket) or `http`, then the
// modules of the functions in the order of their numbers.
import http from "node:http";
import net from "node:net";

const [way, place, ...modules] = process.argv.slice(2);
const handlers = [];
for (const each of modules) handlers.push((await import(each)).handler);

function frames(socket) {
  let rest = Buffer.alloc(0);
  socket.on("error", () => socket.destroy());
  socket.on("data", async (data) => {
    rest = rest.length ? Buffer.concat([rest, data]) : data;
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(0)) {
      const size = rest.readUInt32BE(0);
      const text = rest.toString("utf8", 5, 5 + size);
      const handler = handlers[rest[4]];
      rest = rest.subarray(5 + size);
      const answer = Buffer.from(JSON.stringify((await handler(JSON.parse(text))) ?? null));
      const head = Buffer.alloc(4);
      head.writeUInt32BE(answer.length);
      socket.write(Buffer.concat([head, answer]));
    }
  });
}

function requests(request, response) {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", async () => {
    const handler = handlers[Number(request.url.slice(1))];
    const answer = JSON.stringify((await handler(JSON.parse(Buffer.concat(parts).toString()))) ?? null);
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(answer) });
    response.end(answer);
  });
}

const server = way === "http" ? http.createServer(requests) : net.createServer({ noDelay: true }, frames);
server.listen(Number(place), "127.0.0.1");

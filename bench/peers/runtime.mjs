// The smallest client of the Runtime API, for the emulator where AWS's own (aws-lambda-ric) cannot be built: one kept-alive
// connection, one event after the other. argv: the module of the function.
import http from "node:http";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function ask(method, path, body) {
  return new Promise((resolve, reject) => {
    const options = { host, port, method, path: `/2018-06-01/runtime/${path}`, agent };
    const request = http.request(options, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => resolve({ headers: answer.headers, text: Buffer.concat(parts).toString() }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

const { handler } = await import(process.argv[2]);
while (true) {
  const event = await ask("GET", "invocation/next");
  const id = event.headers["lambda-runtime-aws-request-id"];
  const result = await handler(JSON.parse(event.text), { awsRequestId: id });
  await ask("POST", `invocation/${id}/response`, JSON.stringify(result ?? null));
}

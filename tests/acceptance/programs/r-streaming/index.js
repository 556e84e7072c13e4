// Ways to answer in a stream; `gate` is the URL of somebody who answers when the test wants it.
const assert = require('node:assert');
const { pipeline } = require('node:stream/promises');
const { Readable } = require('node:stream');

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let asked = 0;

function* megabytes(count) {
  for (asked = 0; asked < count; asked++) yield Buffer.alloc(1_000_000, 'm');
}

async function nobodyReads() {
  for (let still = 0, before = -1; still < 20; before = asked) {
    await wait(20);
    still = asked === before ? still + 1 : 0;
  }
}

const ways = {
  async gated(stream, { gate }) {
    stream.setContentType('text/plain');
    stream.write('before ');
    await fetch(gate);
    stream.write('after');
    stream.end();
  },
  async much(stream, { count, gate }) {
    const writing = pipeline(Readable.from(megabytes(count)), stream);
    if (gate) {
      await nobodyReads();
      assert(asked < count);
      await fetch(gate); // the event loop goes on
    }
    await writing;
    console.log(`wrote ${count} MB`);
  },
  async once(stream, { count }) {
    stream.end(Buffer.alloc(count * 1_000_000, 'o'));
  },
  async early() {
    throw new Error('before the first byte');
  },
  async late(stream) {
    stream.write('half');
    await wait(20);
    throw new TypeError('after the first byte');
  },
  async exit(stream) {
    stream.write('half');
    await wait(20);
    process.exit(3);
  },
  async hang(stream) {
    stream.write('half');
    await wait(60_000);
  },
  async afterEnd(stream) {
    stream.end('whole');
    stream.write('more');
  },
  async timer(stream) {
    stream.end('answered');
    setTimeout(() => console.log('the timer ran'), 300);
  },
};

exports.handler = awslambda.streamifyResponse((event, stream) => ways[event.way](stream, event));

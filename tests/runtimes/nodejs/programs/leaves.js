// Leaves one piece of work behind, in the shape that the event names; a later invocation waits until it is over.
const { execFile } = require('child_process');
const fs = require('fs');
const http = require('http');
const { setTimeout: wait } = require('timers/promises');
const { Worker } = require('worker_threads');
const table = require('table');

let over;
const done = () => over?.();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms)); // line of: sleeps
let go;

async function sleeps() {
  await sleep(200);
  await sleep(10);
  done();
}

async function chain() {
  await new Promise((resolve) => (go = resolve)); // line of: chain
  console.log('the chain goes on');
  done();
}

async function silentChain() {
  await new Promise((resolve) => (go = resolve)); // line of: silent chain
  done();
}

const shapes = {
  timer: () => setTimeout(done, 200), // line of: timer
  'timer with a log': ({ awsRequestId }) =>
    setTimeout(() => (console.log(`late ${awsRequestId}`), done()), 200), // line of: timer with a log
  "timer, unref'd": () => setTimeout(done, 200).unref(), // line of: timer, unref'd
  "timer by promise, unref'd": () => wait(200, 0, { ref: false }).then(done), // line of: timer by promise, unref'd
  interval: () => {
    let left = 3;
    const beat = setInterval(() => --left || (clearInterval(beat), done()), 60); // line of: interval
  },
  sleeps,
  chain,
  'silent chain': silentChain,
  file: () => fs.readFile(process.env.FIFO, done), // line of: file
  'file by promise': () => fs.promises.readFile(process.env.FIFO).then(done), // line of: file by promise
  http: () => http.get(`${process.env.URL}/held?secret=1`, (answer) => answer.resume().on('end', done)), // line of: http
  fetch: () => fetch(`${process.env.URL}/held?secret=1`).then((answer) => answer.text()).then(done), // line of: fetch
  'old sdk': () => table.put({ id: 1 }, (error) => error || done()), // line of: old sdk
  worker: () => new Worker('setTimeout(() => {}, 200)', { eval: true }).on('exit', done), // line of: worker
  child: () => execFile('cat', [process.env.FIFO], done), // line of: child
};

exports.handler = async (event, context) => {
  if (event.exit) process.exit(event.exit);
  if (event.leave) return void shapes[event.leave](context);
  const kept = setInterval(() => {}, 1000); // so that an unref'd timer is waited for, too
  await new Promise((resolve) => {
    over = resolve;
    console.log('begun');
    go?.();
  });
  clearInterval(kept);
};

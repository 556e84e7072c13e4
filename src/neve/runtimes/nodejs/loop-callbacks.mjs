// The invocation loop of nodejs22.x and older: whoever completes an invocation schedules the next iteration.
import { defineGlobal, isStreaming } from './awslambda.mjs';
import { Completion } from './completion.mjs';
import { logError } from './console-patch.mjs';
import { contextOf, setTrace } from './context.mjs';
import { NodeJsExit, UnhandledPromiseRejection, acceptLookalikes, wireError } from './errors.mjs';
import { installExitListener, setExitListener } from './exit-listener.mjs';
import { watch, watched } from './watching.mjs';

const EXIT_UNHANDLED_REJECTION = 128;
const EXIT_UNCAUGHT_EXCEPTION = 129;
const REQUEST_ID = Symbol.for('aws.lambda.runtime.requestId');
const TENANT_ID = Symbol.for('aws.lambda.runtime.tenantId');
const NEVER_SETTLED =
  'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that ' +
  'was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes';

/** One slot for the whole process: what an earlier invocation left behind logs under the id of the current one. */
export const logIdentity = { requestId: () => globalThis[REQUEST_ID], tenantId: () => globalThis[TENANT_ID] };

/** Reports what ends the process; before the first event that is an init error. */
let reportFatal;

/**
 * Catch what nobody caught, from the load of the user's module on.
 * @param {import('./channel.mjs').Channel} channel
 */
export function prepare(channel) {
  acceptLookalikes();
  channel.onArrive = begin;
  defineGlobal();
  installExitListener();
  reportFatal = (thrown) => channel.initialized || channel.failInit(wireError(thrown));
  process.on('uncaughtException', (thrown) => die('Uncaught Exception', thrown, EXIT_UNCAUGHT_EXCEPTION));
  process.on('unhandledRejection', (reason, promise) => {
    watch.failed(reason);
    die('Unhandled Promise Rejection', unhandled(reason, promise), EXIT_UNHANDLED_REJECTION);
  });
}

function unhandled(reason, promise) {
  return Object.assign(new UnhandledPromiseRejection(String(reason)), { reason, promise });
}

function die(label, thrown, status) {
  logError(label, thrown);
  reportFatal(thrown);
  process.exit(status);
}

/** The user's module could not be loaded, or is no handler. @param {unknown} thrown */
export function failInit(thrown) {
  die('Uncaught Exception', thrown, EXIT_UNCAUGHT_EXCEPTION);
}

/**
 * @param {import('./channel.mjs').Channel} channel
 * @param {Function} handler
 */
export async function run(channel, handler) {
  const scheduleNext = () => watch.outside(() => setImmediate(() => channel.next()));
  if (isStreaming(handler)) await answerByStream(channel, handler, scheduleNext);
  else answerByCompletion(channel, handler, scheduleNext);
  scheduleNext();
}

function answerByCompletion(channel, handler, scheduleNext) {
  warnOfCallbacks(handler);
  const neverSettles = handler.constructor.name === 'AsyncFunction';
  channel.onInvoke = soon((invoke) => {
    const completion = new Completion(channel, invoke.header.id, scheduleNext);
    reportFatal = (thrown) => completion.report(thrown);
    setExitListener(() => (neverSettles ? completion.fail(new NodeJsExit(NEVER_SETTLED)) : completion.complete(null)));
    call(handler, invoke, completion);
  });
}

async function answerByStream(channel, handler, scheduleNext) {
  const { Streaming } = await import('./response-stream.mjs');
  channel.onInvoke = soon((invoke) => {
    const context = { callbackWaitsForEmptyEventLoop: true };
    const streaming = new Streaming(channel, handler, invoke.header.id);
    reportFatal = (thrown) => streaming.report(thrown);
    setExitListener(() => {
      streaming.fail(new NodeJsExit(NEVER_SETTLED));
      scheduleNext();
    });
    streaming.run(invoke, () => extend(context, contextOf(invoke.header))).then((settledInTime) => {
      if (!settledInTime) return; // after the NodeJsExit: this is somebody else's time
      if (context.callbackWaitsForEmptyEventLoop) setExitListener(scheduleNext);
      else scheduleNext();
    });
  });
}

const arrived = Promise.resolve();

/** In a microtask of the arrival: as the service's client does it, and the user's stack traces end here, not in the wire. */
function soon(answer) {
  return (invoke) => void arrived.then(() => answer(invoke));
}

function begin(header) {
  watch.begin(header);
  globalThis[REQUEST_ID] = header.id;
  globalThis[TENANT_ID] = header.tenant;
  setTrace(header.trace);
}

function call(handler, invoke, completion) {
  const { callback } = completion;
  try {
    const context = completion.members();
    const event = JSON.parse(invoke.body);
    extend(context, contextOf(invoke.header));
    const result = watched(handler, event, context, callback);
    if (typeof result?.then === 'function') settle(result, context);
  } catch (thrown) {
    callback(thrown);
  }
}

/** Not `{...context}`: its accessor has to stay one. */
function extend(context, shared) {
  return Object.assign(context, shared);
}

function settle(promise, { succeed, fail }) {
  const settled = promise.then(succeed, fail);
  settled?.catch?.(fail); // a result that JSON cannot say: `succeed` threw
}

function warnOfCallbacks(handler) {
  if (process.env.AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING !== undefined) return;
  if (handler.length !== 3 || handler.constructor.name === 'AsyncFunction') return;
  console.warn(CALLBACK_WARNING);
}

const CALLBACK_WARNING =
  'AWS Lambda plans to remove support for callback-based function handlers starting with Node.js 24. ' +
  'You will need to update this function to use an async handler to use Node.js 24 or later. For more information and ' +
  'to provide feedback on this change, see ' +
  'https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/issues/137. To disable this warning, set the ' +
  'AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING environment variable.';

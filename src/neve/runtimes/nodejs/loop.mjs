// The invocation loop of nodejs24.x and later: async handlers only, and nothing is caught that the handler does not throw.
import { defineGlobal, isStreaming } from './awslambda.mjs';
import { logError } from './console-patch.mjs';
import { contextOf, setTrace } from './context.mjs';
import { CallbackHandlerDeprecated, JSONStringifyError, wireError, wireErrorWithCause } from './errors.mjs';
import { enter, invokeStore } from './invoke-store.mjs';
import { serialize } from './result.mjs';
import { watch, watched } from './watching.mjs';

const CALLBACKS_REMOVED =
  'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to ' +
  'modify this function to use a supported handler signature to use Node.js 24 or later. For more information see ' +
  'https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.';

/** The last run invocation: what an earlier one left behind logs under the id of the current one. */
export const logIdentity = { requestId: invokeStore.getRequestId, tenantId: invokeStore.getTenantId };

let channelOfInit;

/** @param {import('./channel.mjs').Channel} channel */
export function prepare(channel) {
  channelOfInit = channel;
  channel.onArrive = begin;
  defineGlobal({ InvokeStore: invokeStore });
}

/** Report, then end as Node ends on what nobody caught. @param {unknown} thrown */
export function failInit(thrown) {
  logError('Init Error', thrown);
  channelOfInit.failInit(wireError(thrown));
  throw thrown;
}

/**
 * @param {import('./channel.mjs').Channel} channel
 * @param {Function} handler
 */
export async function run(channel, handler) {
  const answers = isStreaming(handler) ? await streamedAnswers(channel, handler) : plainAnswers(handler);
  // Not awaited by the entry module: when a handler never settles and the loop drains, the process exits 0, not 13.
  loop(channel, answers);
}

async function loop(channel, answerOf) {
  let arrive;
  channel.onInvoke = (invoke) => arrive(invoke);
  const arrival = () => new Promise((resolve) => (arrive = resolve));
  let arriving = arrival();
  channel.next();
  while (true) {
    const invoke = await arriving;
    const answer = await answerOf(invoke);
    await new Promise(setImmediate);
    arriving = arrival();
    answer(channel); // and ask for the next event
  }
}

function plainAnswers(handler) {
  if (handler.length >= 3) throw new CallbackHandlerDeprecated(CALLBACKS_REMOVED);
  return (invoke) => plainAnswer(handler, invoke);
}

async function plainAnswer(handler, { header, body }) {
  const event = JSON.parse(body); // a failure ends the process
  try {
    const context = contextOf(header);
    const value = await watched(handler, event, context);
    const result = serialize(value, (message) => new JSONStringifyError(message));
    return (channel) => channel.respondAndNext(header.id, result);
  } catch (thrown) {
    logError('Invoke Error', thrown);
    return (channel) => {
      channel.fail(header.id, wireErrorWithCause(thrown));
      channel.next();
    };
  }
}

async function streamedAnswers(channel, handler) {
  const { Streaming } = await import('./response-stream.mjs');
  return async (invoke) => {
    await new Streaming(channel, handler, invoke.header.id).run(invoke, () => contextOf(invoke.header));
    return () => channel.next();
  };
}

function begin(header) {
  watch.begin(header);
  enter(header);
  setTrace(header.trace);
}

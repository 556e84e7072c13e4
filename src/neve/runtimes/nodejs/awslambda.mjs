// The global `awslambda`: what user code marks a streaming handler with. The stream itself is response-stream.mjs.
import { MalformedStreamingHandler } from './errors.mjs';

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');
const HTTP_INTEGRATION = 'application/vnd.awslambda.http-integration-response';
const PRELUDE_END = new Uint8Array(8);

class HttpResponseStream {
  /**
   * @param {import('node:stream').Writable} stream the handler's response stream
   * @param {{statusCode?: number, headers?: object, cookies?: string[]}} prelude sent before the first byte of the body
   */
  static from(stream, prelude) {
    stream.setContentType(HTTP_INTEGRATION);
    stream._onBeforeFirstWrite = (write) => {
      write(JSON.stringify(prelude));
      write(PRELUDE_END);
    };
    return stream;
  }
}

function streamifyResponse(handler, options) {
  handler[STREAMING] = 'response';
  if (options?.highWaterMark !== undefined) handler[HIGH_WATER_MARK] = Number.parseInt(options.highWaterMark, 10);
  return handler;
}

/** Define the global, unless the user asked for none. @param {object} [more] further members of it */
export function defineGlobal(more) {
  if (['true', '1'].includes(process.env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA)) return;
  globalThis.awslambda = { ...globalThis.awslambda, streamifyResponse, HttpResponseStream, ...more };
}

/** @param {Function} handler @returns {boolean} throws when it is marked with what does not exist */
export function isStreaming(handler) {
  const mark = handler[STREAMING];
  if (mark === undefined) return false;
  if (mark !== 'response') throw new MalformedStreamingHandler('Only response streaming is supported.');
  return true;
}

/** @param {Function} handler @returns {number | undefined} bytes */
export function highWaterMarkOf(handler) {
  return handler[HIGH_WATER_MARK];
}

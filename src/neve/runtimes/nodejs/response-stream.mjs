// A streamed response: STREAM_START with the first byte, CHUNKs, STREAM_END. Loaded for streaming handlers only.
import { highWaterMarkOf } from './awslambda.mjs';
import { require } from './builtins.mjs';
import { logError } from './console-patch.mjs';
import { InvalidStreamingOperation, wireError, wireErrorWithCause } from './errors.mjs';
import { watched } from './watching.mjs';

const { Writable } = require('node:stream');
const DEFAULT_TYPE = 'application/octet-stream';

class ResponseStream extends Writable {
  /** Set by HttpResponseStream.from: writes what comes before the user's first byte. */
  _onBeforeFirstWrite;
  #channel;
  #id;
  #contentType = DEFAULT_TYPE;
  #written = false;
  #started = false;
  #ended = false;

  constructor(channel, id, highWaterMark) {
    super({ highWaterMark });
    this.#channel = channel;
    this.#id = id;
  }

  setContentType(contentType) {
    if (this.#written) throw new InvalidStreamingOperation('Cannot set content-type, too late.');
    this.#contentType = contentType;
  }

  write(chunk, ...rest) {
    this.#beforeWrite();
    return super.write(asBytes(chunk), ...rest);
  }

  end(chunk, ...rest) {
    if (chunk === undefined || chunk === null || typeof chunk === 'function') return super.end(chunk, ...rest);
    this.#beforeWrite();
    return super.end(asBytes(chunk), ...rest);
  }

  #beforeWrite() {
    if (this.#written) return;
    this.#written = true;
    this._onBeforeFirstWrite?.((chunk) => super.write(chunk));
  }

  _write(chunk, _encoding, done) {
    this.#start();
    this.#channel.sendChunk(this.#id, chunk, done);
  }

  _final(done) {
    this.#start();
    this.#ended = true;
    this.#channel.endStream(this.#id);
    done();
  }

  #start() {
    if (this.#started) return;
    this.#started = true;
    this.#channel.startStream(this.#id, this.#contentType);
  }

  /** Report an error: as an error before the first byte, with the end of the stream after it. */
  fail(thrown) {
    if (this.#ended) return; // the caller has everything
    this.#ended = true;
    if (this.#started) this.#channel.endStream(this.#id, wireError(thrown));
    else this.#channel.fail(this.#id, wireErrorWithCause(thrown));
    this.destroy();
  }
}

function asBytes(chunk) {
  const fits = typeof chunk === 'string' || Buffer.isBuffer(chunk) || chunk?.constructor === Uint8Array;
  return fits ? chunk : JSON.stringify(chunk);
}

/** One streaming invocation. */
export class Streaming {
  #handler;
  #out;
  #failed = false;

  /**
   * @param {import('./channel.mjs').Channel} channel
   * @param {Function} handler
   * @param {string} id
   */
  constructor(channel, handler, id) {
    this.#handler = handler;
    this.#out = new ResponseStream(channel, id, highWaterMarkOf(handler));
  }

  /**
   * @param {import('./channel.mjs').Invoke} invoke
   * @param {() => object} makeContext
   * @returns {Promise<boolean>} when everything is sent, an error too; false when `fail` was called before
   */
  async run(invoke, makeContext) {
    try {
      await complete(this.#out, () => this.#handler(JSON.parse(invoke.body), this.#out, makeContext()));
    } catch (thrown) {
      if (!this.#failed) this.#logAndReport(thrown);
    }
    return !this.#failed;
  }

  /** End it from outside. @param {unknown} thrown */
  fail(thrown) {
    this.#failed = true;
    this.#logAndReport(thrown);
  }

  /** Send an error and nothing more. @param {unknown} thrown */
  report(thrown) {
    this.#out.fail(thrown);
  }

  #logAndReport(thrown) {
    logError('Invoke Error', thrown);
    this.report(thrown);
  }
}

async function complete(out, start) {
  let broken; // looked at when the handler itself has no error
  const finished = new Promise((resolve) => {
    out.once('finish', resolve).on('error', (error) => resolve((broken = { error })));
  });
  const returned = watched(start);
  if (typeof returned?.then !== 'function') throw new Error('Streaming does not support non-async handlers.');
  if ((await returned) !== undefined) console.warn('Streaming handlers ignore return values.');
  if (!out.writableEnded && !out.destroyed) throw new Error('Response stream is not finished.');
  await finished;
  if (broken) throw broken.error; // also what was written after the end
}

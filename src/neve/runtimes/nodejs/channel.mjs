// The conversation with Neve: what is asked and answered, in the protocol's words. Knows nothing of handlers.
import * as frames from './frames.mjs';
import { pause, writeAvailable, writeFully } from './output.mjs';
import { openPipe, readAvailable } from './pipe.mjs';
import { watch } from './watching.mjs';

const DESCRIPTOR = 3;
const STILL_MS = 5; // a freeze begins within a fraction of one
const STILL_STEP_MS = 0.1;
const LONGEST_CHUNK = 65536;
const LONGEST_WAIT_MS = 8;
const { setTimeout } = globalThis; // not one that user code puts in its place

/** @typedef {{header: {id: string, deadline: number, arn: string, trace?: string, clientContext?: string, identity?: string, tenant?: string}, body: string}} Invoke */

/**
 * The channel keeps the process alive only while it waits for an event: from NEXT to INVOKE. That is the whole mechanism
 * of `callbackWaitsForEmptyEventLoop`: while a handler runs, `beforeExit` comes when the user's own work is done.
 */
export class Channel {
  /** Called with every event. @type {(invoke: Invoke) => void} */
  onInvoke = () => {};
  /** Called before `onInvoke`: from here on the process speaks for this invocation. @type {(header: Invoke['header']) => void} */
  onArrive = () => {};
  /** Whether `onEnding` would say something now. @type {() => boolean} */
  isRestless = () => false;
  /** Called when this invocation is about to run out of time: why? @type {(id: string) => void} */
  onDiagnose = () => {};
  /**
   * Called before the next event is asked for: the invocation, or the init phase, is over. Whether it left something that must
   * not go on before the freeze.
   * @type {() => boolean}
   */
  onEnding = () => false;
  #pipe;
  #reader = new frames.FrameReader((frame) => this.#accept(frame));
  #assigned = () => {};
  #waiting = false;
  #askedOnce = false;
  /** A chunk that the socket has not taken whole: the rest of its frame. @type {{rest: Uint8Array} | undefined} */
  #stuck;

  /** @returns {Promise<Channel>} */
  static async open() {
    const channel = new Channel();
    channel.#pipe = await openPipe(DESCRIPTOR, (bytes) => channel.#reader.push(bytes), leave);
    channel.#pipe.unref();
    return channel;
  }

  /** The object that process._getActiveHandles() would show. */
  get handle() {
    return this.#pipe.shown;
  }

  /** Whether the init phase is over: an init error is refused from then on. */
  get initialized() {
    return this.#askedOnce;
  }

  /**
   * A pre-started runtime says that it has booted, and waits for the function that it is to become.
   * @returns {Promise<{environment: Record<string, string>, directory: string}>}
   */
  assignment() {
    this.#write(frames.encodeFrame(frames.WAITING, '{}', ''));
    this.#pipe.ref();
    return new Promise((resolve) => (this.#assigned = resolve));
  }

  /** Ask for the next event; the environment may freeze from here on. */
  next() {
    const leaves = this.onEnding();
    this.#askedOnce = true;
    this.#wait();
    this.#write(NEXT_FRAME);
    if (leaves) this.#holdStill();
  }

  /** @param {string} id @param {string} result JSON text */
  respond(id, result) {
    this.#write(frames.encodeFrame(frames.RESPONSE, idHeader(id), result));
  }

  /** One write for both, unless there is more to say. @param {string} id @param {string} result */
  respondAndNext(id, result) {
    if (this.isRestless()) {
      this.respond(id, result);
      this.next();
      return;
    }
    const leaves = this.onEnding();
    this.#write(Buffer.concat([frames.encodeFrame(frames.RESPONSE, idHeader(id), result), NEXT_FRAME]));
    this.#wait();
    if (leaves) this.#holdStill();
  }

  /**
   * Let nothing run until the freeze or the next event. To tell what was left took time in which timers came due: they are to
   * find themselves in the invocation in which they would have been without that.
   */
  #holdStill() {
    const until = Date.now() + STILL_MS;
    while (this.#waiting && Date.now() < until) {
      this.look();
      if (this.#waiting) pause(STILL_STEP_MS);
    }
  }

  /**
   * Take an event that has arrived now, before the event loop comes to it. After a thaw Node runs overdue timers first,
   * and what those print belongs to the invocation that thawed them (nodejs-runtime facts §7).
   */
  look() {
    if (!this.#waiting) return;
    const bytes = readAvailable(DESCRIPTOR);
    if (bytes) this.#reader.push(bytes);
  }

  /** @param {string} id @param {import('./errors.mjs').WireError} error */
  fail(id, error) {
    this.#giveUpChunk();
    const header = JSON.stringify({ id, type: error.type, cause: error.cause });
    this.#write(frames.encodeFrame(frames.ERROR, header, error.body));
  }

  /** @param {import('./errors.mjs').WireError} error */
  failInit(error) {
    this.#write(frames.encodeFrame(frames.INIT_ERROR, JSON.stringify({ type: error.type }), error.body));
  }

  /** @param {string} id @param {string} contentType */
  startStream(id, contentType) {
    this.#write(frames.encodeFrame(frames.STREAM_START, JSON.stringify({ id, contentType }), ''));
  }

  /**
   * Unlike the rest, this does not wait for Neve to read, which it does no faster than the caller: the event loop goes on.
   * @param {string} id
   * @param {Uint8Array} bytes
   * @param {() => void} taken called when all of it is in the kernel
   */
  sendChunk(id, bytes, taken) {
    for (let at = 0; at < bytes.length; at += LONGEST_CHUNK) {
      const end = at + LONGEST_CHUNK;
      const frame = frames.encodeFrame(frames.CHUNK, idHeader(id), bytes.subarray(at, end));
      const written = this.#send(() => writeAvailable(DESCRIPTOR, frame));
      if (written < frame.length) {
        this.#stuck = { rest: frame.subarray(written) };
        this.#waitForRoom(this.#stuck, () => this.sendChunk(id, bytes.subarray(end), taken));
        return;
      }
    }
    taken();
  }

  /** Look again and again: a file descriptor that libuv reads from cannot be waited for by others. */
  #waitForRoom(stuck, goOn, waitMs = 1) {
    const look = () => {
      if (this.#stuck !== stuck) return; // given up
      stuck.rest = stuck.rest.subarray(this.#send(() => writeAvailable(DESCRIPTOR, stuck.rest)));
      if (stuck.rest.length > 0) {
        this.#waitForRoom(stuck, goOn, Math.min(waitMs * 2, LONGEST_WAIT_MS));
        return;
      }
      this.#stuck = undefined;
      goOn();
    };
    watch.outside(() => setTimeout(look, waitMs));
  }

  /** No more of a chunk that is on its way; what is begun of a frame has to be whole. */
  #giveUpChunk() {
    this.#write(NOTHING);
    this.#stuck = undefined;
  }

  /** @param {string} id @param {import('./errors.mjs').WireError} [error] what went wrong after the first bytes */
  endStream(id, error) {
    this.#giveUpChunk();
    const header = JSON.stringify({ id, type: error?.type });
    this.#write(frames.encodeFrame(frames.STREAM_END, header, error?.body ?? ''));
  }

  /** @param {object[]} news of the leak watch, docs/frames.md */
  tellLeaks(news) {
    this.#write(frames.encodeFrame(frames.LEAK, JSON.stringify({ news }), ''));
  }

  /** @param {object} diagnosis docs/frames.md */
  tellDiagnosis(diagnosis) {
    this.#write(frames.encodeFrame(frames.DIAGNOSIS, JSON.stringify(diagnosis), ''));
  }

  /** @param {object} told docs/frames.md */
  tellCalls(told) {
    this.#write(frames.encodeFrame(frames.CALLS, JSON.stringify(told), ''));
  }

  #wait() {
    this.#waiting = true;
    this.#pipe.ref();
  }

  #accept(frame) {
    if (frame.kind === frames.INVOKE) {
      this.#waiting = false;
      this.#pipe.unref();
      this.onArrive(frame.header);
      this.onInvoke(frame);
    } else if (frame.kind === frames.ASSIGN) {
      this.#pipe.unref();
      this.#assigned(frame.header);
    } else if (frame.kind === frames.DIAGNOSE) {
      this.onDiagnose(frame.header.id);
    }
  }

  #write(bytes) {
    this.#send(() => {
      if (this.#stuck) {
        writeFully(DESCRIPTOR, this.#stuck.rest);
        this.#stuck.rest = NOTHING;
      }
      writeFully(DESCRIPTOR, bytes);
    });
  }

  #send(write) {
    try {
      return write();
    } catch (error) {
      if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') throw error;
      leave();
    }
  }
}

const NOTHING = Buffer.alloc(0);
const NEXT_FRAME = frames.encodeFrame(frames.NEXT, '{}', '');

function idHeader(id) {
  return `{"id":${JSON.stringify(id)}}`;
}

/** Neve is gone: nobody is left to work for. */
function leave() {
  process.reallyExit(0);
}

// The ways in which a callback-generation handler completes an invocation: callback, done, succeed, fail.
import { logError } from './console-patch.mjs';
import { wireErrorWithCause } from './errors.mjs';
import { resetExitListener, setExitListener } from './exit-listener.mjs';
import { serialize } from './result.mjs';
import { watch } from './watching.mjs';

const ALREADY_DONE =
  'Invocation has already been reported as done. Cannot call complete more than once per invocation.';

/** One invocation's answer: reports at most once, then has the next iteration scheduled. */
export class Completion {
  #channel;
  #id;
  #then;
  #reported = false;
  #finished = false;
  #waitsForEmptyLoop = true;

  /**
   * @param {import('./channel.mjs').Channel} channel
   * @param {string} id
   * @param {() => void} then schedules the next iteration
   */
  constructor(channel, id, then) {
    this.#channel = channel;
    this.#id = id;
    this.#then = then;
  }

  /** What the user's handler gets as third argument. */
  get callback() {
    return this.#once((error, value) => this.#callback(error, value));
  }

  /** The context's members that only this generation has. */
  members() {
    const done = (error, value) => this.#done(error, value);
    const completion = this;
    return {
      get callbackWaitsForEmptyEventLoop() {
        return completion.#waitsForEmptyLoop;
      },
      set callbackWaitsForEmptyEventLoop(waits) {
        completion.#waitsForEmptyLoop = waits;
      },
      succeed: this.#once((value) => done(null, value)),
      fail: this.#once((error) => done(error ?? 'handled')),
      done: this.#once(done),
    };
  }

  /** Respond, whatever was called. Logged and ignored when it was reported before. @param {unknown} value */
  complete(value) {
    if (this.#reported) {
      console.error(ALREADY_DONE);
      return;
    }
    const result = serialize(value, (message) => new Error(message));
    this.#reported = true;
    this.#channel.respond(this.#id, result);
    this.#then();
  }

  /** Report an error, whatever was called. @param {unknown} thrown */
  fail(thrown) {
    logError('Invoke Error', thrown);
    this.report(thrown);
    if (this.#reported) return; // refused by the platform; asking for an event now would end somebody else's invocation
    this.#reported = true;
    this.#then();
  }

  /** Send the error and nothing more. @param {unknown} thrown */
  report(thrown) {
    this.#channel.fail(this.#id, wireErrorWithCause(thrown));
  }

  #callback(error, value) {
    watch.answered();
    resetExitListener();
    if (error !== undefined && error !== null) this.fail(error);
    else if (!this.#waitsForEmptyLoop) this.complete(value);
    else setExitListener(() => setImmediate(() => this.complete(value)));
  }

  #done(error, value) {
    resetExitListener();
    if (error !== undefined && error !== null) this.fail(error);
    else this.complete(value);
  }

  /** The first call that returns without throwing wins; the rest is ignored in silence. */
  #once(call) {
    return (...values) => {
      if (this.#finished) return;
      call(...values);
      this.#finished = true;
    };
  }
}

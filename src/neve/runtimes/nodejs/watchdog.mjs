// A thread beside the function's: when an invocation is about to run out of time and its event loop has not turned since it
// was asked, it stops the main thread for a moment and reads where it is. Started only for functions that were blocked before:
// the thread costs some 10 MB, and 40 ms of CPU at its start.
import { Worker } from 'node:worker_threads';

/** What both threads see. */
export const NUMBER = 0; // of the running invocation; negative between two
export const ANSWERED = 1; // the number of the last invocation that could be asked
export const READY = 2; // 1 when the thread watches

const LONGEST_START_MS = 500;

export class Watchdog {
  #state = new Int32Array(new SharedArrayBuffer(12));
  #deadline = new Float64Array(new SharedArrayBuffer(8));
  #id = new Uint8Array(new SharedArrayBuffer(64));
  #number = 0;

  /**
   * @param {string} taskRoot
   * @param {number} beforeMs how long before the end of an invocation's time to look
   */
  constructor(taskRoot, beforeMs) {
    const shared = { state: this.#state, deadline: this.#deadline, id: this.#id, taskRoot, beforeMs };
    const options = { workerData: shared, env: {}, execArgv: [], argv: [], stdout: true, stderr: true, name: 'neve' };
    new Worker(new URL('./watchdog-thread.mjs', import.meta.url), options).unref();
    // While the function initializes it has all of the CPU; afterwards a thread may take seconds to start.
    Atomics.wait(this.#state, READY, 0, LONGEST_START_MS);
  }

  /** @param {{id: string, deadline: number}} header */
  begin({ id, deadline }) {
    this.#id.fill(0);
    Buffer.from(this.#id.buffer).write(id);
    this.#deadline[0] = deadline;
    this.#say(NUMBER, ++this.#number);
  }

  end() {
    this.#say(NUMBER, -this.#number);
  }

  /** The event loop turns. */
  answered() {
    this.#say(ANSWERED, this.#number);
  }

  #say(index, value) {
    Atomics.store(this.#state, index, value);
    Atomics.notify(this.#state, NUMBER);
  }
}

// Promises at level `explain`: where each was made and by whom, so that a chain that goes on in somebody else's invocation
// is caught, and that what a library starts late is told by the line of the user's that called the library.
//
// v8.promiseHooks costs about 2 µs for each promise with its stack; three are made for an await.
import { require } from './builtins.mjs';
import { descending } from './leak-work.mjs';

const { promiseHooks } = require('node:v8');

const MOST_STEPS = 1000; // of one invocation
const FRAMES = 10; // the rest is in the stacks of the steps before

/** @typedef {{token: object, stack: object, parent?: object, oldest?: object, depth: number}} Step */

export class PromiseSteps {
  #steps = new WeakMap();
  #underWay;
  #onContinued;
  #current;

  /**
   * @param {import('./leak-work.mjs').UnderWay} underWay
   * @param {(step: Step) => void} onContinued a chain of an invocation that is over goes on
   */
  constructor(underWay, onContinued) {
    this.#underWay = underWay;
    this.#onContinued = onContinued;
    underWay.step = () => this.#current;
    underWay.ticks = true;
  }

  /** Begin to look. */
  enable() {
    promiseHooks.createHook({
      init: this.#underWay.guarded((promise) => this.#made(promise)),
      before: this.#underWay.guarded((promise) => this.#goesOn(promise)),
      after: () => (this.#current = undefined),
    });
  }

  #made(promise) {
    const { token, running } = this.#underWay;
    if (token === undefined) return;
    token.steps = (token.steps ?? 0) + 1;
    if (token.steps > MOST_STEPS) return;
    this.#steps.set(promise, descending({ token, stack: this.#underWay.captured(FRAMES) }, this.#current ?? running));
  }

  #goesOn(promise) {
    this.#current = this.#steps.get(promise);
    if (this.#current?.token.ended) this.#onContinued(this.#current);
  }
}

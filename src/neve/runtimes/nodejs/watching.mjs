// The leak watch of this process, for those who tell it what happens. Without one (level `off`) this is all there is of it.

/** What everybody may call at any time. */
const NOBODY = {
  /** An event has arrived. @param {{id: string, deadline: number}} _header */
  begin(_header) {},
  /** From here to `leave`, what runs is the user's handler: no frame of ours is on its stacks. */
  enter() {},
  leave() {},
  /** Run what is the runtime's own, whoever calls. @param {() => unknown} call */
  outside: (call) => call(),
  /** The handler has said its result, which may have to wait. */
  answered() {},
  /** Whose work is speaking, when it is an earlier invocation's. @returns {string | undefined} its request id */
  leftOver: () => undefined,
  /** Nobody caught this; the process ends. @param {unknown} _thrown */
  failed(_thrown) {},
};

export let watch = NOBODY;

/** @param {typeof NOBODY} watching */
export function setWatch(watching) {
  watch = watching;
}

/**
 * Call the user's handler: what it starts is the invocation's, what waits for its promise is the runtime's.
 * @param {Function} handler
 * @param {unknown[]} given
 */
export function watched(handler, ...given) {
  watch.enter();
  try {
    return handler(...given);
  } finally {
    watch.leave();
  }
}

// The one `beforeExit` listener of the callback generation. `beforeExit` comes when Node has nothing left to do: no timer,
// no socket, no handle of the user's. What is to happen then belongs to the invocation that set it last.

const nothing = () => {};
let listener = nothing;

/** Begin to listen. Each listener fires once: one that answers nobody (a late callback's) would otherwise spin for ever. */
export function installExitListener() {
  process.on('beforeExit', () => {
    const due = listener;
    listener = nothing;
    due();
  });
}

/** @param {() => void} wanted */
export function setExitListener(wanted) {
  listener = wanted;
}

/** From here on an empty loop ends the process. */
export function resetExitListener() {
  listener = nothing;
}

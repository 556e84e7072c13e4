// The one `beforeExit` listener of the callback generation. `beforeExit` comes when Node has nothing left to do: no timer,
// no socket, no handle of the user's. What is to happen then belongs to the invocation that set it last.

const nothing = () => {};
let listener = nothing;

/** Begin to listen. */
export function installExitListener() {
  process.on('beforeExit', () => listener());
}

/** @param {() => void} wanted */
export function setExitListener(wanted) {
  listener = wanted;
}

/** From here on an empty loop ends the process. */
export function resetExitListener() {
  listener = nothing;
}

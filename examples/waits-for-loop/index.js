// A callback handler (up to Node.js 22): the answer waits until the event loop is empty, so the timer's line is in the
// log before the caller hears anything. Send {"wait": false} and it becomes a leak.
exports.handler = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = event.wait ?? true;
  setTimeout(() => console.log("the late work is done"), 300);
  callback(null, { answered: "at once, heard when the loop is empty" });
};

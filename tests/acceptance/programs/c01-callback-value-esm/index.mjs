export const handler = (event, context, callback) => {
  callback(null, { greeting: `Hello, ${event.name}!` });
};

// Logs one line of each level, then does as the event says.
export const handler = async ({ how }) => {
  for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal']) console[level](`a ${level}`);
  if (how === 'throw') throw new Error('on purpose');
  if (how === 'hang') await new Promise(() => setInterval(() => {}, 1000));
  if (how === 'exit') process.exit(3);
  return process.env._X_AMZN_TRACE_ID;
};

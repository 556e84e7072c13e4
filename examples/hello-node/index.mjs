// The smallest function: what it returns is the answer, what it prints is the log.
let calls = 0; // lives as long as the environment does

export const handler = async (event, context) => {
  calls += 1;
  console.log(`call ${calls} of this environment`);
  return { hello: event.name ?? "world", calls, memory: context.memoryLimitInMB };
};

// Speaks while it loads and while it runs.
console.log('loading');

export const handler = async ({ number = 0 }) => {
  console.log(`first ${number}`);
  console.error(`second ${number}`);
};

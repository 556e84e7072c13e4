// Prints its environment variables, as the first function of every tutorial does.
export const handler = async (event) => {
  console.log('ENVIRONMENT VARIABLES\n' + JSON.stringify(process.env, null, 2));
  return { handled: event };
};

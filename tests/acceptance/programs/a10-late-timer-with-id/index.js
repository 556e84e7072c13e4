exports.handler = async (event, context) => {
  const { awsRequestId } = context;
  const drawn = Math.floor(Math.random() * 1e9);
  setTimeout(() => console.log(`${awsRequestId} drew ${drawn}`), process.env.LATE_MS ?? 20);
  return drawn;
};

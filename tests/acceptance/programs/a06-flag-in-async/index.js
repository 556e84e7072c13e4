exports.handler = async (event, context) => {
  context.callbackWaitsForEmptyEventLoop = true;
  fetch(`${process.env.STORE_URL}/slow`).then((answer) => console.log('slow answered', answer.status));
  return 'at once';
};

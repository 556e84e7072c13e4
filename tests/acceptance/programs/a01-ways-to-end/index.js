console.log('loading');

exports.handler = async (event) => {
  console.log('asked for', event.way);
  if (event.way === 'throw') throw new RangeError('thrown');
  if (event.way === 'reject') return Promise.reject(new Error('rejected'));
  return { way: event.way };
};

const { STORE_URL } = process.env;

export const handler = async (event) => {
  fetch(`${STORE_URL}/events`, { method: 'POST', body: JSON.stringify(event) }).then((answer) =>
    console.log(`event ${event.id} posted: ${answer.status}`),
  );
  if (event.after) await fetch(STORE_URL + event.after);
  return 'thanks';
};

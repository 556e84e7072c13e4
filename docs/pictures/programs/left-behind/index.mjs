const STORE = process.env.STORE;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function keep(photo) {
  await pause(100);
  await fetch(`${STORE}/photos/${photo}`, { method: 'PUT', body: 'jpeg' });
  console.log(`kept photo ${photo}`);
}

export const handler = async ({ photo }) => {
  await fetch(`${STORE}/albums/7`);
  if (photo) keep(photo); // nobody waits for it
  return 'thanks';
};

export const handler = async ({ album }) => {
  const answer = await fetch(`${process.env.STORE}/albums/${album}`);
  return answer.text();
};

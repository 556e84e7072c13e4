export const handler = async () => {
  const drawn = Math.floor(Math.random() * 1e9);
  setTimeout(() => console.log(`drew ${drawn}`), process.env.LATE_MS ?? 20);
  return drawn;
};

// Uses the CPU for as many milliseconds as the event says.
export const handler = async ({ milliseconds }) => {
  const { user, system } = process.cpuUsage();
  const used = () => {
    const now = process.cpuUsage({ user, system });
    return (now.user + now.system) / 1000;
  };
  while (used() < milliseconds);
  return used();
};

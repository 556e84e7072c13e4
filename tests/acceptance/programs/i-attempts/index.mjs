// Tries what an event says and tells how it went: `{"ok": …}`, or `{"error": "EACCES"}`.
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';

const attempts = {
  read: ({ path }) => readFileSync(path, 'latin1').slice(0, 1000),
  write: ({ path }) => appendFileSync(path, 'x') ?? null,
  look: ({ path }) => readdirSync(path).sort(),
  run: ({ argv }) => {
    const done = spawnSync(argv[0], argv.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    if (done.error) throw done.error;
    return { status: done.status, output: done.stdout + done.stderr };
  },
  kill: ({ pid }) => process.kill(pid, 'SIGKILL'),
  get: async ({ url }) => (await fetch(url)).status,
  become_root: () => {
    for (const change of ['setuid', 'seteuid', 'setgid']) {
      try {
        process[change](0);
        return change;
      } catch {}
    }
    return null;
  },
  variables: () => ({ ...process.env }),
  fill_memory: ({ size_mb }) => {
    const held = [];
    for (let i = 0; i < size_mb; i++) held.push(Buffer.alloc(1 << 20, 1));
    return held.length;
  },
  leave_daemon: ({ mark }) => {
    spawn(process.execPath, ['-e', 'setTimeout(() => {}, 1e6)', mark], { detached: true, stdio: 'ignore' }).unref();
    return null;
  },
  end: ({ status }) => process.exit(status),
  stay: () => new Promise((resolve) => setTimeout(resolve, 1e6)),
};

export const handler = async (event) => {
  try {
    return { ok: (await attempts[event.do](event)) ?? null };
  } catch (refused) {
    return { error: refused.code ?? String(refused) };
  }
};

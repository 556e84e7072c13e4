// What an invocation waits for that is about to run out of time: everything that keeps the event loop going, whoever
// started it.
import { witnessed } from './leak-news.mjs';
import { stacksOf } from './leak-stacks.mjs';

const MOST = 20;

/**
 * @param {import('./leak-work.mjs').UnderWay} underWay
 * @returns {object[]} as the frame has it (docs/frames.md, DIAGNOSIS)
 */
export function whatHolds(underWay) {
  const holding = [...underWay.unfinished()].filter((work) => work.kind.holds?.(work) ?? true);
  const seen = holding.map((work) => witnessed(work, underWay));
  const groups = new Map();
  for (const each of seen) {
    if (each.isPart && isCovered(each, seen)) continue;
    const key = `${each.place} ${each.told.description} ${each.work.token?.id}`;
    const group = groups.get(key);
    if (group) group.count += 1;
    else groups.set(key, told(each));
  }
  return [...groups.values()].slice(0, MOST);
}

/** The socket of a request that is told, the name lookup before it. */
function isCovered({ place }, seen) {
  return seen.some((other) => !other.isPart && other.place === place);
}

function told({ work, told: { kind, description } }) {
  return { kind, description, count: 1, origin: work.token?.id ?? null, stacks: stacksOf(work) };
}

// SPDX-License-Identifier: Apache-2.0

export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// Runs both sides in turns, so that a noisy moment meets both: [{ours, peer}, ...]. The side that
// goes first alternates. Without `peer` only ours.
export async function pairs(count, ours, peer) {
  const result = [];
  for (let i = 0; i < count; i++) {
    const pair = {};
    const sides = [async () => (pair.ours = await ours(i)), async () => (pair.peer = await peer?.(i))];
    if (i % 2) sides.reverse();
    for (const side of sides) await side();
    result.push(pair);
  }
  return result;
}

// Medians of a property of both sides, and the median of the ratios pair by pair.
export function compare(list, get) {
  const ours = list.map((pair) => get(pair.ours));
  const both = list.filter((pair) => pair.peer !== undefined);
  return {
    ours: median(ours),
    peer: both.length ? median(both.map((pair) => get(pair.peer))) : undefined,
    oursOverPeer: both.length ? median(both.map((pair) => get(pair.ours) / get(pair.peer))) : undefined,
  };
}

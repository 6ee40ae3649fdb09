// SPDX-License-Identifier: Apache-2.0
// Rows of the table, and its text.

// Three digits are more than a shared machine can give.
const digits = (value) =>
  Math.abs(value) >= 1000
    ? Number(value.toPrecision(3)).toLocaleString('en-US')
    : String(Number(value.toPrecision(3)));

export const figure = (value, unit) => (value === undefined ? '–' : `${digits(value)} ${unit}`);

// One row. values: {ours, peer, oursOverPeer}; `better` says which way is good: 'more' or 'less'.
// The target is {at: number, text?} in the unit of the row, or for the ratio {times: number}.
export function row(what, unit, better, values, { target, peer: peerName, note } = {}) {
  const times =
    values.oursOverPeer && (better === 'more' ? values.oursOverPeer : 1 / values.oursOverPeer);
  const wanted = [];
  const met = [];
  if (target?.at !== undefined) {
    wanted.push(`${better === 'more' ? '≥' : '≤'} ${digits(target.at)}`);
    met.push(better === 'more' ? values.ours >= target.at : values.ours <= target.at);
  }
  if (target?.times !== undefined) {
    wanted.push(`≥ ${target.times}×`);
    met.push(times === undefined ? undefined : times >= target.times);
  }
  return {
    what: note ? `${what} (${note})` : what,
    ours: figure(values.ours, unit),
    target: wanted.join(', ') || '–',
    met: met.map((m) => (m === undefined ? 'not known' : m ? 'yes' : '**no**')).join(', ') || '–',
    peer: values.peer === undefined ? '–' : `${figure(values.peer, unit)}, ${peerName}`,
    ratio: times === undefined ? '–' : `${digits(times)}×`,
  };
}

export const missing = (what, why) => ({ what, ours: `not measured: ${why}`, target: '–', met: '–', peer: '–', ratio: '–' });

export function markdown(rows, cores) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [
    line(['what', 'Penstock', 'target', 'met', 'peer', 'times better', 'cores']),
    line(['---', '---:', '---:', '---', '---:', '---:', '---:']),
    ...rows.map((r) => line([r.what, r.ours, r.target, r.met, r.peer, r.ratio, cores])),
  ].join('\n');
}

// Writes src/convert/js_normal_table.h, what normalization (UAX #15) needs to know of the characters of the
// BMP, from what Node says of them: node make_normal.mjs. Hangul is computed.

import { writeFileSync } from 'node:fs';

const characters = [];
for (let c = 0xa0; c < 0x10000; c++) if (!(c >= 0xac00 && c < 0xe000)) characters.push(String.fromCharCode(c));
const nfd = (s) => s.normalize('NFD'), nfc = (s) => s.normalize('NFC'), nfkd = (s) => s.normalize('NFKD');
const hex = (c) => `0x${c.charCodeAt(0).toString(16)}`;
const lines = (items) => items.reduce((text, x) => (text.length - text.lastIndexOf('\n') + x.length > 99 ? `${text}\n    ${x}` : `${text} ${x}`), '   ');

// Pairs: the character, what it is made of (0 where it is one other), and whether these make it again.
const isPlain = (s) => !/[\u{10000}-\u{10ffff}]/u.test(s);
const pairs = characters.filter((c) => nfd(c) !== c && isPlain(nfd(c))).map((c) => {
    const d = [...nfd(c)], last = d.length > 1 ? d.pop() : '\0', rest = d.join('');
    const first = nfc(rest).length === 1 ? nfc(rest) : characters.find((x) => nfd(x) === rest) ?? '';
    if (first.length !== 1) throw new Error(`${hex(c)} is not a pair`);
    return { c, first, last, made: nfc(c) === c };
});
const made = pairs.map((p, i) => ({ ...p, i })).filter((p) => p.made).sort((a, b) => (a.first + a.last < b.first + b.last ? -1 : 1));

// What else the K forms take apart.
const parts = characters.filter((c) => nfkd(c) !== nfd(c) && nfd(c) === c).map((c) => ({ c, text: nfkd(c) }));

// Classes of marks, in their order: what stands before what.
const swaps = (a, b) => nfd(`a${a}${b}`) !== `a${a}${b}`;
const marks = characters.filter((c) => nfd(c) === c && (c === '\u0345' || swaps('\u0345', c)));
const order = [...marks].sort((a, b) => (swaps(a, b) ? 1 : swaps(b, a) ? -1 : 0));
const classes = new Map();
let last = 0;
order.forEach((m, i) => classes.set(m, i > 0 && !swaps(m, order[i - 1]) ? last : ++last));
const ranges = [];
for (const m of marks) {
    const r = ranges.at(-1);
    if (r && r.to + 1 === m.charCodeAt(0) && r.rank === classes.get(m)) r.to++;
    else ranges.push({ from: m.charCodeAt(0), to: m.charCodeAt(0), rank: classes.get(m) });
}

let at = 0;
const text = `// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_NORMAL_TABLE_H
#define PENSTOCK_CONVERT_JS_NORMAL_TABLE_H

// Written by test/diff/make_normal.mjs.

#include <stdint.h>

#define NORMAL_CLASSES ${last} // of marks, from 1 on

// clang-format off
static const struct normal_pair {
    uint16_t code, first, last;
} normal_pairs[] = {
${lines(pairs.map((p) => `{${hex(p.c)},${hex(p.first)},${hex(p.last)}},`))}
};

// Those pairs that compose, by what they are made of.
static const uint16_t normal_made[] = {
${lines(made.map((p) => `${p.i},`))}
};

static const struct normal_range {
    uint16_t from, to;
    uint8_t rank;
} normal_ranges[] = {
${lines(ranges.map((r) => `{0x${r.from.toString(16)},0x${r.to.toString(16)},${r.rank}},`))}
};

static const struct normal_part {
    uint16_t code, at;
    uint8_t n;
} normal_parts[] = {
${lines(parts.map((p) => { const line = `{${hex(p.c)},${at},${p.text.length}},`; at += p.text.length; return line; }))}
};

static const uint16_t normal_units[] = {
${lines(parts.flatMap((p) => p.text.split('').map((u) => `${hex(u)},`)))}
};
// clang-format on

#endif
`;
writeFileSync(new URL('../../src/convert/js_normal_table.h', import.meta.url), text);
console.log(`${pairs.length} pairs, ${made.length} of them compose, ${ranges.length} ranges of ${last} classes, ${parts.length} parts`);

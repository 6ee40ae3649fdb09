// Writes src/convert/js_collate_table.h from what Node says of single characters: node make_collation.mjs.
// With `test`: compares the table with Node on all pairs and on random texts.
//
// An element is [primary, secondary, tertiary] (UTS #10): letters, accents, case and form.

import { writeFileSync } from 'node:fs';

const collator = new Intl.Collator('en');
const byAccent = new Intl.Collator('en', { sensitivity: 'accent' });
const byLetter = new Intl.Collator('en', { sensitivity: 'base' });

const range = (from, to) => Array.from({ length: to - from }, (_, i) => String.fromCharCode(from + i));
const characters = [
    ...range(0, 0x180), '\u02bc', ...range(0x300, 0x350), '\u03bc', '\u1e9e', ...range(0x2010, 0x2028), '\u202f', ...range(0x2030, 0x205f),
    '\u2070', ...range(0x2074, 0x207a), ...range(0x2080, 0x208a), '\u20ac', '\u2103', '\u2109', '\u2122', '\u2126',
].sort();
// Tertiary weights: capitals have one of two.
const UPPER = 8, COMPATIBLE_UPPER = 9, COMPATIBLE = 4;

const isIgnored = (c) => collator.compare(c, '') === 0;
const isUpper = (c) => /\p{Lu}/u.test(c);
// Its place among those of `list` (in order) that differ.
function rank(list, c, by) {
    const distinct = list.filter((x, i) => i === 0 || by.compare(list[i - 1], x) !== 0);
    return distinct.findIndex((x) => by.compare(x, c) === 0);
}

// Accents.
const marks = range(0x300, 0x350).filter((c) => !isIgnored(c)).sort((a, b) => byAccent.compare('o' + a, 'o' + b));
const accent = new Map(marks.map((m) => [m, 21 + 2 * rank(marks.map((x) => 'o' + x), 'o' + m, byAccent)]));
// What is between two letters, or behind one: an accent, or between two of them.
function accentOf(text, c) {
    const same = marks.find((m) => byAccent.compare(text(m), c) === 0);
    const below = marks.filter((m) => byAccent.compare(text(m), c) < 0).map((m) => accent.get(m));
    return same ? accent.get(same) : Math.max(1, ...below) + 1;
}

// Characters that are several, though not to Unicode's decompositions.
const stroked = { đ: 'd', Đ: 'd', ð: 'd', Ð: 'd', ħ: 'h', Ħ: 'h', ł: 'l', Ł: 'l', ŀ: 'l', Ŀ: 'l', ø: 'o', Ø: 'o', ſ: 's' };
const joined = { æ: 'ae', Æ: 'ae', œ: 'oe', Œ: 'oe', ß: 'ss', ẞ: 'ss' };
function expansion(c) {
    const k = c.normalize('NFKD');
    return !(c in joined) && !(c in stroked) && k.length > 1 && !/[\u0300-\u036f]/.test(k) && byLetter.compare(c, k) === 0 ? k : null;
}

// Letters.
const isSingle = (c) => !isIgnored(c) && !marks.includes(c) && c.normalize('NFD').length === 1 && !(c in stroked) && !(c in joined) && !expansion(c);
const singles = characters.filter(isSingle).sort((a, b) => collator.compare(a, b) || (a < b ? -1 : 1));
const letter = new Map(singles.map((c) => [c, 1 + rank(singles, c, byLetter)]));
const sameLetter = (c) => singles.filter((x) => letter.get(x) === letter.get(c));
const variant = (c) => 1 + 2 * rank(sameLetter(c), c, byAccent);
function form(c) {
    if (isUpper(c)) return UPPER;
    const same = sameLetter(c).filter((x) => variant(x) === variant(c)), upper = same[0].toUpperCase();
    const at = rank(same, c, collator), upperAt = upper === same[0] ? 0 : rank(same, upper, collator);
    if (at === 0) return 1;
    return upperAt > at ? 3 : (upperAt > 0 ? UPPER + 2 : 3) + at - upperAt - 1;
}

function elementsOf(c) {
    if (isIgnored(c)) return [];
    if (marks.includes(c)) return [...c.normalize('NFD')].map((m) => [0, accent.get(m), 1]);
    if (c in stroked) {
        const old = c === 'ſ' ? COMPATIBLE : 0, base = stroked[c];
        return [[letter.get(base), 1, old || (isUpper(c) ? UPPER : 1)], [0, accentOf((m) => base + m, c), old || 1]];
    }
    if (c in joined) {
        const [first, second] = joined[c], t = isUpper(c) ? COMPATIBLE_UPPER : COMPATIBLE;
        return [[letter.get(first), 1, t], [0, accentOf((m) => first + m + second, c), t], [letter.get(second), 1, t]];
    }
    const parts = expansion(c);
    if (parts) return [...parts].map((x) => [letter.get(x), variant(x), isUpper(x) ? COMPATIBLE_UPPER : COMPATIBLE]);
    const [base, ...accents] = letter.has(c) ? c : c.normalize('NFD');
    return [[letter.get(base), variant(base), form(base)], ...accents.map((m) => [0, accent.get(m), 1])];
}
const table = new Map(characters.map((c) => [c, elementsOf(c)]));

function write() {
    const lines = (items) => items.reduce((text, x) => (text.length - text.lastIndexOf('\n') + x.length > 99 ? `${text}\n    ${x}` : `${text} ${x}`), '   ');
    const elements = [], entries = [];
    for (const [c, own] of table) {
        entries.push(`{0x${c.charCodeAt(0).toString(16)}, ${elements.length}, ${own.length}},`);
        for (const [p, s, t] of own) elements.push(`0x${((p << 16) | (s << 8) | t).toString(16)},`);
    }
    const text = `// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_COLLATE_TABLE_H
#define PENSTOCK_CONVERT_JS_COLLATE_TABLE_H

// Collation elements, written by test/diff/make_collation.mjs: primary << 16 | secondary << 8 |
// tertiary weight.

#include <stdint.h>

#define COLLATE_ZERO ${letter.get('0')}u // primary weight of 0
#define COLLATE_UPPER ${UPPER}u  // tertiary weight of capitals, this and the next

// clang-format off
static const uint32_t collate_elements[] = {
${lines(elements)}
};

static const struct collate_entry {
    uint16_t code, at;
    uint8_t n; // elements from \`at\` on
} collate_entries[] = {
${lines(entries)}
};
// clang-format on

#endif
`;
    writeFileSync(new URL('../../src/convert/js_collate_table.h', import.meta.url), text);
}

function compare(a, b) {
    const x = [...a].flatMap((c) => table.get(c)), y = [...b].flatMap((c) => table.get(c));
    for (let level = 0; level < 3; level++) {
        const v = x.map((e) => e[level]).filter(Boolean), w = y.map((e) => e[level]).filter(Boolean);
        for (let i = 0; i < Math.max(v.length, w.length); i++) if ((v[i] ?? 0) !== (w[i] ?? 0)) return (v[i] ?? 0) < (w[i] ?? 0) ? -1 : 1;
    }
    return 0;
}

function test(count) {
    let pairs = 0, texts = 0;
    for (const a of characters) for (const b of characters) pairs += compare(a, b) !== Math.sign(collator.compare(a, b));
    // Accents that stand alone are put in order first (UAX #15), and l· is one letter.
    const pool = characters.filter((c) => !marks.includes(c) && c !== '·');
    const below = (n) => Math.floor(Math.random() * n);
    for (let i = 0; i < count; i++) {
        const a = Array.from({ length: 1 + below(5) }, () => pool[below(pool.length)]).join(''), at = below(a.length);
        const b = a.slice(0, at) + pool[below(pool.length)] + a.slice(at + below(2));
        texts += compare(a, b) !== Math.sign(collator.compare(a, b));
    }
    console.log(`${pairs} of ${characters.length ** 2} pairs differ, ${texts} of ${count} texts`);
    process.exitCode = pairs + texts ? 1 : 0;
}

if (process.argv[2] === 'test') test(300000);
else write();

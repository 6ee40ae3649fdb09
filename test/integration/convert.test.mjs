// `penstock convert` as an author uses it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { bin, tempDir } from './lib.mjs';

const dir = tempDir('penstock-convert-');

function convert(script, input, ...options) {
  const file = path.join(dir, 'script.js');
  writeFileSync(file, script);
  const r = spawnSync(bin, ['convert', 'uplink', file, ...options], { input, encoding: 'utf8' });
  return { ...r, stderr: r.stderr.replaceAll(file, 'script.js') };
}

function file(name, text) {
  const at = path.join(dir, name);
  writeFileSync(at, text);
  return at;
}

const NAME = "return {deviceName: String.fromCharCode(...payload), telemetry: {n: payload.length}}";

test('an error of the text is shown with its place', () => {
  const r = convert("const a = 1;\n\tlet b = {c: 'é' d: 2};\n", 'x');
  assert.equal(r.status, 1);
  assert.equal(r.stdout, '');
  assert.equal(
    r.stderr,
    'penstock convert: script.js: SyntaxError: , or } is missing before d (line 2, column 18)\n' +
      "\tlet b = {c: 'é' d: 2};\n\t                ^\n",
  );
});

test('an error of a run is shown with its place', () => {
  const r = convert('const f = (x) => {\n  return x?.y.z;\n};\nreturn f({})', 'x');
  assert.equal(r.status, 1);
  assert.match(r.stderr, /TypeError: .*\(line 2, column 15\)\n {2}return x\?\.y\.z;\n {14}\^\n$/);
});

test('what is not supported is named', () => {
  const r = convert('async function f() {}', 'x');
  assert.equal(r.status, 1);
  assert.match(r.stderr, /async functions are not supported.*\(line 1, column 1\)/);
});

test('results are compared with those of a file', () => {
  const want = file('want', '{"deviceName": "ab", "telemetry": {"n": 2}}\n\n{"deviceName":"c","telemetry":{"n":1}}\n');
  const same = convert(NAME, 'ab\nc\n', '--lines', '--expect', want);
  assert.deepEqual([same.status, same.stdout, same.stderr], [0, '2 of 2 as expected\n', '']);
  const other = convert(NAME, 'ab\nd\n', '--lines', '--expect', want);
  assert.equal(other.status, 1);
  assert.equal(other.stdout, '1 of 2 as expected\n');
  assert.match(other.stderr, /input 2 differs\n {2}expected: .*"c".*\n {2}result: {3}.*"d".*\n$/);
  assert.equal(convert(NAME, 'ab\n', '--lines', '--expect', want).status, 1, 'one result too few');
  assert.equal(convert(NAME, 'ab\nc\nd\n', '--lines', '--expect', want).status, 1, 'one too many');
});

test('an error can be expected', () => {
  const want = file('error', '! RangeError: too short\n');
  const script = "throw new RangeError('too short')";
  assert.equal(convert(script, 'x', '--expect', want).status, 0);
  assert.equal(convert(NAME, 'x', '--expect', want).status, 1);
});

test('the time of runs is told', () => {
  const r = convert(NAME, 'ab\nc\n', '--lines', '--time');
  assert.equal(r.status, 0);
  assert.match(r.stderr, /^loaded in [\d.]+ ms; 200 runs: [\d.]+ ms each, at most [\d.]+ ms\n$/);
});

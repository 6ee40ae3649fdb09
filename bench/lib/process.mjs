// SPDX-License-Identifier: Apache-2.0
// Processes under measurement: what they print, what they cost, and that none is left behind.

import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync, fdatasyncSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { quantile } from './stats.mjs';

export const benchDir = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
export const root = path.dirname(benchDir);
export const buildDir = process.env.PENSTOCK_BENCH_BUILD ?? path.join(root, 'build/bench');
export const penstock = path.join(buildDir, 'penstock');
export const benchProgram = (name) => path.join(buildDir, 'bench', name);

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const now = () => performance.now();

// Polls `probe` until it gives something truthy; throws with `what` after `ms`.
export async function until(what, probe, { ms = 60000, every = 20 } = {}) {
  const deadline = now() + ms;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (now() > deadline) throw new Error(`not in time: ${what}`);
    await sleep(every);
  }
}

// Data lies beside the build: /tmp may be memory, where a durable commit costs nothing. Elsewhere by
// PENSTOCK_BENCH_DATA, to see what the disk has to do with a figure.
const scratch = process.env.PENSTOCK_BENCH_DATA
  ? path.join(process.env.PENSTOCK_BENCH_DATA, `penstock-bench-${process.pid}`)
  : path.join(buildDir, 'data');
export function tempDir() {
  mkdirSync(scratch, { recursive: true });
  return mkdtempSync(path.join(scratch, 'run-'));
}

// What the machine itself adds to every latency, now: milliseconds, [p50, p99] each.
export async function machineDelays() {
  const dir = tempDir();
  const file = openSync(path.join(dir, 'delays'), 'w');
  const block = Buffer.alloc(4096);
  const syncs = [], timers = [];
  for (let i = 0; i < 200; i++) {
    const start = now();
    await sleep(1);
    timers.push(now() - start - 1);
    const before = now();
    writeSync(file, block);
    fdatasyncSync(file);
    syncs.push(now() - before);
  }
  closeSync(file);
  removeDir(dir);
  return { sync: [quantile(syncs, 0.5), quantile(syncs, 0.99)], timer: [quantile(timers, 0.5), quantile(timers, 0.99)] };
}
export const removeDir = (dir) => rmSync(dir, { recursive: true, force: true });

// The environment without anything AWS, so that the machine's own settings cannot leak in.
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^AWS_|_PROXY$/i.test(name))),
  AWS_EC2_METADATA_DISABLED: 'true',
  HOME: '/nonexistent',
};

const ticks = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
const running = new Set();

export class Process {
  constructor(command, args) {
    this.startedAt = now();
    this.name = path.basename(command);
    this.child = spawn(command, args, { cwd: root, env, stdio: ['pipe', 'pipe', 'pipe'] });
    this.stdout = '';
    this.stderr = '';
    this.waiters = [];
    this.child.stdin.on('error', () => {});
    this.child.stdout.setEncoding('utf8').on('data', (text) => {
      this.stdout += text;
      this.look();
    });
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.stderr += text));
    running.add(this);
    this.exited = new Promise((resolve) => {
      const ended = (exit) => {
        running.delete(this);
        this.exit = exit;
        this.look();
        resolve(exit);
      };
      this.child.on('error', (error) => ended({ error }));
      this.child.on('close', (code, signal) => ended({ code, signal }));
    });
  }

  get pid() {
    return this.child.pid;
  }

  look() {
    for (const waiter of [...this.waiters]) waiter();
  }

  // Resolves at the moment that a line of stdout matches.
  line(pattern, ms = 30000) {
    return new Promise((resolve, reject) => {
      let timer;
      const done = (how, value) => {
        clearTimeout(timer);
        this.waiters.splice(this.waiters.indexOf(look), 1);
        how(value);
      };
      const fail = (why) => done(reject, new Error(`${this.name}: ${why}\n${this.stderr}`));
      const look = () => {
        const match = this.stdout.match(pattern);
        if (match) done(resolve, match);
        else if (this.exit) fail(`ended: ${JSON.stringify(this.exit)}`);
      };
      timer = setTimeout(() => fail(`no line ${pattern} in ${ms} ms`), ms);
      this.waiters.push(look);
      look();
    });
  }

  say(text) {
    this.child.stdin.write(`${text}\n`);
  }

  // CPU seconds of all its threads so far: utime and stime, proc(5).
  cpu() {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ').pop().split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticks;
  }

  memory(what) {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(status.match(new RegExp(`^${what}:\\s+(\\d+) kB`, 'm'))[1]) / 1024;
  }

  // MiB now, and at most so far.
  get residentMib() {
    return this.memory('VmRSS');
  }

  get peakMib() {
    return this.memory('VmHWM');
  }

  async stop(signal = 'SIGTERM') {
    if (!this.exit) this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 15000);
    await this.exited;
    clearTimeout(timer);
  }
}

// Runs to its end; returns stdout.
export async function output(command, args, ms = 120000) {
  const p = new Process(command, args);
  const timer = setTimeout(() => p.child.kill('SIGKILL'), ms);
  const exit = await p.exited;
  clearTimeout(timer);
  if (exit.code !== 0) throw new Error(`${p.name} ${args.join(' ')}: ${JSON.stringify(exit)}\n${p.stderr}`);
  return p.stdout;
}

function killAll() {
  for (const p of running) p.child.kill('SIGKILL');
  removeDir(scratch);
}
process.on('exit', killAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

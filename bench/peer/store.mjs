// SPDX-License-Identifier: Apache-2.0
// What one would write on SQLite: a row a point keyed (series, ts), the latest value of each series,
// the checkpoint of each shard; one transaction a GetRecords reply, synchronous=FULL.

import { openDatabase } from './sqlite.mjs';

const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS device(id INTEGER PRIMARY KEY, name TEXT UNIQUE, type TEXT);
  CREATE TABLE IF NOT EXISTS series(id INTEGER PRIMARY KEY, device INTEGER, key TEXT, UNIQUE(device, key));
  CREATE TABLE IF NOT EXISTS point(series INTEGER, ts INTEGER, value, PRIMARY KEY(series, ts)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS latest(series INTEGER PRIMARY KEY, ts INTEGER, value);
  CREATE TABLE IF NOT EXISTS checkpoint(shard TEXT PRIMARY KEY, sequence TEXT, applied INTEGER);`;

export class Store {
  static async open(file) {
    const { db, name } = await openDatabase(file);
    return new Store(db, name);
  }

  constructor(db, name) {
    this.name = name;
    db.exec(schema);
    this.begin = db.prepare('BEGIN');
    this.end = db.prepare('COMMIT');
    this.putPoint = db.prepare('INSERT OR REPLACE INTO point VALUES(?, ?, ?)');
    this.putLatest = db.prepare(
      'INSERT INTO latest VALUES(?, ?, ?) ON CONFLICT(series) DO UPDATE' +
        ' SET ts = excluded.ts, value = excluded.value WHERE excluded.ts >= ts',
    );
    this.putCheckpoint = db.prepare(
      'INSERT INTO checkpoint VALUES(?, ?, ?) ON CONFLICT(shard) DO UPDATE' +
        ' SET sequence = excluded.sequence, applied = applied + excluded.applied',
    );
    this.findDevice = db.prepare('SELECT id FROM device WHERE name = ?');
    this.addDevice = db.prepare('INSERT INTO device(name, type) VALUES(?, ?) RETURNING id');
    this.findSeries = db.prepare('SELECT id FROM series WHERE device = ? AND key = ?');
    this.addSeries = db.prepare('INSERT INTO series(device, key) VALUES(?, ?) RETURNING id');
    this.findLatest = db.prepare(
      'SELECT series.key, latest.ts, latest.value FROM device JOIN series ON series.device = device.id' +
        ' JOIN latest ON latest.series = series.id WHERE device.name = ?',
    );
    this.countApplied = db.prepare('SELECT sum(applied) AS n FROM checkpoint');
    this.devices = new Map();
  }

  device(name, type) {
    let device = this.devices.get(name);
    if (!device) {
      const { id } = this.findDevice.get(name) ?? this.addDevice.get(name, type);
      device = { id, series: new Map() };
      this.devices.set(name, device);
    }
    return device;
  }

  series(device, key) {
    let series = device.series.get(key);
    if (series === undefined) {
      series = (this.findSeries.get(device.id, key) ?? this.addSeries.get(device.id, key)).id;
      device.series.set(key, series);
    }
    return series;
  }

  // messages: [{result of the converter, ts}], of `records` records up to `sequence`.
  commit(shard, sequence, records, messages) {
    this.begin.run();
    for (const { result, ts } of messages) {
      const device = this.device(result.deviceName, result.deviceType);
      for (const key in result.telemetry) {
        const series = this.series(device, key);
        this.putPoint.run(series, ts, result.telemetry[key]);
        this.putLatest.run(series, ts, result.telemetry[key]);
      }
    }
    this.putCheckpoint.run(shard, sequence, records);
    this.end.run();
  }

  latest(name) {
    return this.findLatest.get(name);
  }

  get applied() {
    return this.countApplied.get().n ?? 0;
  }
}

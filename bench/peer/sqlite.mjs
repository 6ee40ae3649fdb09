// SPDX-License-Identifier: Apache-2.0
// SQLite for the peers: better-sqlite3, else Node's own (22 and later). Both have exec() and
// prepare().run/get.

export async function openDatabase(file) {
  let db, name;
  try {
    const { default: Database } = await import('better-sqlite3');
    db = new Database(file);
    name = 'better-sqlite3';
  } catch (why) {
    try {
      const { DatabaseSync } = await import('node:sqlite');
      db = new DatabaseSync(file);
      name = 'node:sqlite';
    } catch {
      throw new Error(`neither better-sqlite3 (${why.message}) nor node:sqlite (Node 22) is there`);
    }
  }
  const { version } = db.prepare('SELECT sqlite_version() AS version').get();
  return { db, name: `${name} (SQLite ${version})` };
}

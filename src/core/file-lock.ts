import type { FileLock } from './files.ts';

/** SQLite's code where somebody else has the lock. */
const busy = 5;

/**
 * Takes the operating system's lock on an empty file of this process; undefined where somebody has
 * it. The system takes it back when the process ends, however it does, so none is ever left behind.
 * Node reaches it through SQLite alone: a transaction on a database that stays empty.
 */
export async function lockFile(path: string): Promise<FileLock | undefined> {
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(path);
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    // The low byte says what it is, the others why.
    if ((Number((error as { errcode?: number }).errcode) & 0xff) === busy) return undefined;
    throw error;
  }
  return {
    release: async () => {
      if (database.isOpen) database.close();
    },
  };
}

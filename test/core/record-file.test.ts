import { Buffer } from 'node:buffer';

import { expect, test } from 'vitest';

import { RecordFile } from '../../src/core/record-file.ts';
import { type VirtualOutside, virtualOutside } from '../../src/testing/outside.ts';

const path = 'out';

async function opened(): Promise<{ file: RecordFile; outside: VirtualOutside }> {
  const outside = virtualOutside();
  const handle = await outside.files.open(path, 'append');
  return { file: new RecordFile(path, handle, 0, true), outside };
}

/** One that has a record and a tail. */
async function begun(): ReturnType<typeof opened> {
  const made = await opened();
  made.file.add(bytes('one '));
  made.file.endWith(bytes('end'));
  await made.file.flush();
  return made;
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

test('a tail that changed is written, with records or without', async () => {
  const { file, outside } = await begun();
  for (const [tail, text] of [
    ['END', 'one END'],
    ['', 'one '],
    ['a longer end', 'one a longer end'],
  ] as const) {
    file.endWith(bytes(tail));
    await file.commit();
    outside.files.cutPower();
    expect(outside.files.text(path)).toBe(text);
  }
  file.add(bytes('two '));
  await file.flush();
  expect(outside.files.text(path)).toBe('one two a longer end');
  await file.close();
});

test('one that could not be written is, the next time', async () => {
  const { file, outside } = await begun();
  file.endWith(bytes('END'));
  outside.files.fail('append', path, 'ENOSPC', { bytesFirst: 1 });
  await expect(file.flush()).rejects.toMatchObject({ code: 'ERR_CONNECTOR_FILE' });
  expect(outside.files.text(path)).toBe('one end');
  await file.flush();
  expect(outside.files.text(path)).toBe('one END');
  await file.close();
});

test('where nothing changed, nothing is cut or written', async () => {
  const { file, outside } = await begun();
  outside.files.fail('append', path, 'EIO');
  outside.files.fail('truncate', path, 'EIO');
  file.add(bytes(''));
  file.endWith(bytes('end'));
  await file.flush();
  expect(outside.files.text(path)).toBe('one end');
  await file.close();
});

test('what is forgotten leaves the file as it was, its tail too', async () => {
  const { file, outside } = await begun();
  file.add(bytes('two '));
  file.endWith(bytes('END'));
  file.discard();
  await file.flush();
  expect(outside.files.text(path)).toBe('one end');
  await file.close();
});

test('what is lent is written where it stands among the rest, and given back once it is', async () => {
  const { file, outside } = await opened();
  const back: string[] = [];
  const lend = (text: string): void => file.lend(bytes(text), () => back.push(text));
  file.add(bytes('one '));
  lend('two ');
  file.add(bytes('three '));
  lend('four ');
  file.endWith(bytes('end'));
  expect([file.sizeBytes, back]).toEqual([19, []]);
  outside.files.fail('append', path, 'ENOSPC', { bytesFirst: 2 });
  await expect(file.flush()).rejects.toMatchObject({ code: 'ERR_CONNECTOR_FILE' });
  expect([outside.files.text(path), back]).toEqual(['', []]);
  await file.commit();
  outside.files.cutPower();
  expect(outside.files.text(path)).toBe('one two three four end');
  expect([file.sizeBytes, back]).toEqual([19, ['two ', 'four ']]);
  file.add(bytes('five '));
  await file.flush();
  expect(outside.files.text(path)).toBe('one two three four five end');
  lend('six ');
  await file.close();
  expect([outside.files.text(path), back]).toEqual([
    'one two three four five end',
    ['two ', 'four ', 'six '],
  ]);
});

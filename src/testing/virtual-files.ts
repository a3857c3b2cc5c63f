import { Buffer } from 'node:buffer';
import { matchesGlob, posix } from 'node:path';

import type { Clock, FileFacts, FileHandle, FileLock, Files, FileSpace } from '../core/index.ts';
import { errnoError, fileError } from '../core/system-files.ts';

/** The calls that can be made to fail. */
export type FileCall = 'open' | 'read' | 'append' | 'truncate' | 'sync' | 'rename' | 'remove';

interface Node {
  readonly inode: number;
  data: Buffer;
  /** What would be left after a power cut. */
  durable: Buffer;
  modifiedMs: number;
  links: number;
}

interface Fault {
  readonly call: FileCall;
  readonly path: string;
  readonly code: string;
  readonly bytesFirst: number;
  times: number;
}

/**
 * A file system in memory, with faults: a full disk, no permission, short reads, torn writes, lost
 * power. Paths are absolute from `/`; directories are there as soon as a file is in them.
 */
export class VirtualFiles implements Files {
  /** Bytes that fit in all; what goes beyond is written as far as it fits, then fails. */
  diskBytesMax: number = Infinity;
  /** A read gives at most so many bytes. */
  readBytesMax: number = Infinity;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #nodes = new Map<string, Node>();
  /** Their inodes, by path. */
  readonly #directories = new Map<string, number>([['/', 0]]);
  readonly #denied = new Set<string>();
  readonly #open = new Set<VirtualFile>();
  readonly #locked = new Map<string, FileLock>();
  #faults: Fault[] = [];
  #lastInode = 0;

  constructor(
    contents: Readonly<Record<string, string | Uint8Array>> = {},
    clock: Pick<Clock, 'now'> = { now: () => 0 },
  ) {
    this.#clock = clock;
    for (const [path, content] of Object.entries(contents)) this.put(path, content);
  }

  /** Files that were opened and not closed. */
  get openCount(): number {
    return this.#open.size;
  }

  /** Makes a file of its own, also where one of that name was. */
  put(path: string, content: string | Uint8Array): void {
    const data = Buffer.from(content as Uint8Array);
    const modifiedMs = this.#clock.now();
    this.#addParents(absolute(path));
    this.#drop(absolute(path));
    const node = { inode: ++this.#lastInode, data, durable: data, modifiedMs, links: 1 };
    this.#nodes.set(absolute(path), node);
  }

  /** Changes what is in a file, keeping its identity. */
  rewrite(path: string, content: string | Uint8Array): void {
    const node = this.#nodes.get(absolute(path));
    if (node === undefined) this.put(path, content);
    else {
      node.data = node.durable = Buffer.from(content as Uint8Array);
      node.modifiedMs = this.#clock.now();
    }
  }

  /** What is in a file. Throws where there is none. */
  bytes(path: string): Buffer {
    const node = this.#nodes.get(absolute(path));
    if (node === undefined) throw fileError(path, errnoError('ENOENT'));
    return node.data;
  }

  /** What is in a file, as text. Throws where there is none. */
  text(path: string): string {
    return this.bytes(path).toString();
  }

  /** Whether there is a file of that path. */
  has(path: string): boolean {
    return this.#nodes.has(absolute(path));
  }

  /** Every later attempt to open this path is refused. */
  deny(path: string): void {
    this.#denied.add(absolute(path));
  }

  /** The next `times` calls on a path fail; an append after writing its first `bytesFirst` bytes. */
  fail(
    call: FileCall,
    path: string,
    code: string,
    { times = 1, bytesFirst = 0 }: { times?: number; bytesFirst?: number } = {},
  ): void {
    this.#faults.push({ call, path: absolute(path), code, times, bytesFirst });
  }

  /** Loses what was not synced, but for the first `bytesKept` bytes of it in each file. */
  cutPower(bytesKept = 0): void {
    for (const node of this.#nodes.values()) {
      const kept = Math.min(node.data.length, node.durable.length + bytesKept);
      node.data = node.durable = node.data.subarray(0, kept);
    }
    this.#open.clear();
    this.#locked.clear();
  }

  async open(path: string, mode: Parameters<Files['open']>[1]): Promise<FileHandle> {
    const at = absolute(path);
    this.refuse('open', path);
    if (this.#denied.has(at)) throw fileError(path, errnoError('EACCES'));
    if (this.#directories.has(at)) throw fileError(path, errnoError('EISDIR'));
    if (!this.#nodes.has(at)) {
      if (mode === 'private') this.#addParents(at);
      const parent = posix.dirname(at);
      if (this.#nodes.has(parent)) throw fileError(path, errnoError('ENOTDIR'));
      if (mode === 'read' || !this.#directories.has(parent))
        throw fileError(path, errnoError('ENOENT'));
      this.put(path, '');
    }
    const node = this.#nodes.get(at)!;
    if (mode === 'replace') node.data = Buffer.alloc(0);
    const file = new VirtualFile(this, path, node);
    this.#open.add(file);
    return file;
  }

  async facts(path: string): Promise<FileFacts | undefined> {
    const at = absolute(path);
    const node = this.#nodes.get(at);
    if (node !== undefined) return factsOf(node);
    const inode = this.#directories.get(at);
    if (inode === undefined) return undefined;
    return { kind: 'directory', sizeBytes: 0, modifiedMs: 0, device: 1, inode, links: 1 };
  }

  async match(pattern: string): Promise<string[]> {
    const paths = [...this.#nodes.keys()].filter((path) => matchesGlob(path, absolute(pattern)));
    return paths.map((path) => (posix.isAbsolute(pattern) ? path : path.slice(1))).sort();
  }

  async readText(path: string): Promise<string> {
    return this.text(path);
  }

  async space(): Promise<FileSpace> {
    const used = [...this.#nodes.values()].reduce((bytes, { data }) => bytes + data.length, 0);
    return { bytesTotal: this.diskBytesMax, bytesFree: Math.max(0, this.diskBytesMax - used) };
  }

  async makeDirectory(path: string): Promise<void> {
    const at = absolute(path);
    for (let parent = at; parent !== '/'; parent = posix.dirname(parent)) {
      if (this.#nodes.has(parent)) {
        throw fileError(path, errnoError(parent === at ? 'EEXIST' : 'ENOTDIR'));
      }
    }
    this.#addDirectory(at);
    this.#addParents(at);
  }

  /** A power cut ends the lock, too. */
  async lock(path: string): Promise<FileLock | undefined> {
    const at = absolute(path);
    if (this.#locked.has(at)) return undefined;
    const lock = {
      release: async () => {
        if (this.#locked.get(at) === lock) this.#locked.delete(at);
      },
    };
    this.#locked.set(at, lock);
    await (await this.open(path, 'private')).close();
    return lock;
  }

  async rename(from: string, to: string): Promise<void> {
    this.refuse('rename', from);
    const node = this.#nodes.get(absolute(from));
    if (node === undefined) throw fileError(from, errnoError('ENOENT'));
    this.#addParents(absolute(to));
    if (absolute(from) !== absolute(to)) this.#drop(absolute(to));
    this.#nodes.delete(absolute(from));
    this.#nodes.set(absolute(to), node);
  }

  async remove(path: string): Promise<void> {
    this.refuse('remove', path);
    this.#drop(absolute(path));
  }

  #drop(path: string): void {
    const node = this.#nodes.get(path);
    if (node !== undefined) node.links = 0;
    this.#nodes.delete(path);
  }

  /** How much of an append goes through before a fault; throws for other calls. */
  refuse(
    call: FileCall,
    path: string,
  ): { readonly bytesFirst: number; readonly code: string } | undefined {
    const fault = this.#faults.find((one) => one.call === call && one.path === absolute(path));
    if (fault === undefined) return undefined;
    if (--fault.times <= 0) this.#faults = this.#faults.filter((one) => one !== fault);
    if (call !== 'append') throw fileError(path, errnoError(fault.code));
    return fault;
  }

  write(path: string, node: Node, bytes: Uint8Array): void {
    const fault = this.refuse('append', path);
    let used = 0;
    for (const { data } of this.#nodes.values()) used += data.length;
    const room = Math.max(0, this.diskBytesMax - used);
    const fits = Math.min(bytes.length, fault?.bytesFirst ?? Infinity, room);
    node.data = Buffer.concat([node.data, bytes.subarray(0, fits)]);
    node.modifiedMs = this.#clock.now();
    if (fault !== undefined) throw fileError(path, errnoError(fault.code));
    if (fits < bytes.length) throw fileError(path, errnoError('ENOSPC'));
  }

  closed(file: VirtualFile): void {
    this.#open.delete(file);
  }

  #addParents(at: string): void {
    for (let parent = posix.dirname(at); ; parent = posix.dirname(parent)) {
      this.#addDirectory(parent);
      if (parent === '/') return;
    }
  }

  #addDirectory(at: string): void {
    if (!this.#directories.has(at)) this.#directories.set(at, ++this.#lastInode);
  }
}

class VirtualFile implements FileHandle {
  readonly #files: VirtualFiles;
  readonly #path: string;
  readonly #node: Node;

  constructor(files: VirtualFiles, path: string, node: Node) {
    this.#files = files;
    this.#path = path;
    this.#node = node;
  }

  async read(into: Uint8Array, offset: number): Promise<number> {
    this.#files.refuse('read', this.#path);
    const length = Math.min(into.length, this.#files.readBytesMax);
    const bytes = this.#node.data.subarray(offset, offset + length);
    into.set(bytes);
    return bytes.length;
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#files.write(this.#path, this.#node, bytes);
  }

  async truncate(sizeBytes: number): Promise<void> {
    this.#files.refuse('truncate', this.#path);
    this.#node.data = Buffer.concat([this.#node.data], sizeBytes);
  }

  async sync(): Promise<void> {
    this.#files.refuse('sync', this.#path);
    this.#node.durable = this.#node.data;
  }

  async facts(): Promise<FileFacts> {
    return factsOf(this.#node);
  }

  async close(): Promise<void> {
    this.#files.closed(this);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function factsOf({ data, modifiedMs, inode, links }: Node): FileFacts {
  return { kind: 'file', sizeBytes: data.length, modifiedMs, device: 1, inode, links };
}

function absolute(path: string): string {
  return posix.resolve('/', path);
}

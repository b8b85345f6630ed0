/** What lies in a BPF file system. */
import type { KernelObject, ObjectTable } from '../object/kernel-object.ts';

/** Anything with a name. */
export abstract class Node {
  abstract readonly kind: string;
  /** Permissions. */
  mode: number;
  /** How many names it has. */
  names = 1;

  constructor(mode: number) {
    this.mode = mode;
  }

  /** One of its names is gone. */
  unlinked(): void {
    this.names--;
  }
}

export class Folder extends Node {
  readonly kind = 'folder';
  readonly entries = new Map<string, Node>();
}

export class SymbolicLink extends Node {
  readonly kind = 'symlink';
  readonly target: string;

  constructor(target: string) {
    super(0o777);
    this.target = target;
  }
}

/** A file that keeps an object alive as long as it has a name. */
export class PinnedFile extends Node {
  readonly object: KernelObject;
  readonly #objects: ObjectTable;

  constructor(objects: ObjectTable, object: KernelObject) {
    super(0o600);
    this.#objects = objects;
    this.object = objects.get(object);
    // A file is a user of a map as a descriptor is.
    object.fdOpened?.();
  }

  get kind(): KernelObject['kind'] {
    return this.object.kind;
  }

  /** It gets another name. */
  linked(): this {
    this.names++;
    return this;
  }

  override unlinked(): void {
    super.unlinked();
    if (this.names > 0) return;
    this.object.fdClosed?.();
    this.#objects.put(this.object);
  }
}

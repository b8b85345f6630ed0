/** Files of the machine by the door's calls: 0 or -errno, as the embedded kernel's have them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hostFiles } from '../../src/host/files.ts';
import { createRuntime } from '../../src/kernel/boot/runtime.ts';
import type { FileCalls } from '../../src/uapi/files.ts';

/** The same calls of either. */
function calls(files: FileCalls, at: string): unknown[] {
  const nlink = (path: string): unknown => {
    const found = files.stat(path);
    return typeof found === 'number' ? found : [found.mode & 0o170000, found.mode & 0o777];
  };
  return [
    files.mkdir(`${at}/a`, 0o700),
    files.mkdir(`${at}/a`),
    files.mkdir(`${at}/x/y`),
    nlink(`${at}/a`),
    files.symlink('a', `${at}/l`),
    nlink(`${at}/l`),
    files.rmdir(`${at}/l`),
    files.unlink(`${at}/a`),
    files.rename(`${at}/a`, `${at}/b`),
    files.rename(`${at}/a`, `${at}/b`),
    files.chmod(`${at}/b`, 0o500),
    nlink(`${at}/b`),
    files.link(`${at}/b`, `${at}/c`),
    (files.readdir(at) as string[]).toSorted(),
    files.readdir(`${at}/none`),
    files.openDirectory(`${at}/none`),
    files.unlink(`${at}/l`),
    files.rmdir(`${at}/b`),
    files.rmdir(`${at}/b`),
    files.stat(`${at}/\0`),
    files.mkdir(9 as never),
  ];
}

test('the machine answers as the embedded kernel does', () => {
  using sys = createRuntime({ memory: 16 << 20 });
  sys.files!.mkdir('/sys/fs/bpf/t');
  const at = mkdtempSync(join(tmpdir(), 'skep-files-'));
  try {
    expect(calls(hostFiles, at)).toEqual(calls(sys.files!, '/sys/fs/bpf/t'));
  } finally {
    rmSync(at, { recursive: true });
  }
});

/** Calls on a BPF file system and around it, the same ones each time: written by hand where it matters, and many at random. */
import { xorshift } from '../maps/setup.ts';

/** A call, its words, and who calls: user 0 or an ordinary one. */
export type Step = readonly [call: string, uid: 0 | 1000, ...words: (string | number)[]];

const B = '/sys/fs/bpf';
const OBJECTS = ['map', 'rdonly', 'prog', 'link', 'btf', 'directory', 'closed', 'stdin'] as const;

const BY_HAND: readonly Step[] = [
  ['stat', 0, B],
  ...['a', 'a', 'b.c', 'x/y', 'a/y', '', '.', '..', 'z/', 'n'.repeat(255), 'n'.repeat(256)].map(
    (name): Step => ['pin', 0, `${B}/${name}`, 'map'],
  ),
  ...['/tmp/q', '/nonexistent/q', '', '/sys/fs/q', '/', '//', `/${'p'.repeat(4095)}`, `${'/p'.repeat(2047)}`].map(
    (path): Step => ['pin', 0, path, 'map'],
  ),
  ...OBJECTS.map((object): Step => ['pin', 0, `${B}/of_${object}`, object]),
  ...OBJECTS.flatMap((object) =>
    [0, 8, 16, 24, 1, 2, 4, 1 << 14, 1 << 15].map((flags): Step => ['get', 0, `${B}/of_${object}`, flags]),
  ),
  ...[0, 8, 16, 24].map((flags): Step => ['get', 1000, `${B}/of_map`, flags]),
  ['mkdir', 0, `${B}/d`, 0o777],
  ['mkdir', 0, `${B}/d/`, 0o777],
  ['mkdir', 0, `${B}/dd/`, 0o1777],
  ['mkdir', 0, `${B}/d.e`, 0o777],
  ['stat', 0, `${B}/d`],
  ['stat', 0, `${B}/dd`],
  ['stat', 0, `${B}/of_map`],
  ['stat', 0, `${B}/x.y`],
  ['pin', 1000, `${B}/d/p`, 'map'],
  ['pin', 1000, `${B}/dd/p`, 'map'],
  ['unlink', 1000, `${B}/a`],
  ['unlink', 1000, `${B}/dd/p`],
  ['chmod', 1000, `${B}/a`, 0o644],
  ['chmod', 0, `${B}/a`, 0o644],
  ...[0, 8, 16].map((flags): Step => ['get', 1000, `${B}/a`, flags]),
  ...[`${B}/..`, `${B}/.`, B, `${B}/`, '/', `${B}/d/..`, `${B}/d/.`, `${B}/a/`].flatMap((path): Step[] => [
    ['rmdir', 0, path],
    ['unlink', 0, path],
    ['mkdir', 0, path, 0o755],
    ['rename', 0, path, `${B}/r`],
    ['rename', 0, `${B}/d`, path],
    ['get', 0, path, 0],
  ]),
  ['symlink', 0, 'loop', `${B}/loop`],
  ['get', 0, `${B}/loop`, 0],
  ['get', 0, `${B}/loop/x`, 0],
  ['stat', 0, `${B}/loop`],
  ['symlink', 0, '', `${B}/none`],
  ['symlink', 0, '../bpf/a', `${B}/up`],
  ['get', 0, `${B}/up`, 0],
  ['link', 0, `${B}/up`, `${B}/up2`],
  ['get', 0, `${B}/up2`, 0],
  ['unlink', 0, `${B}/up`],
  ['link', 0, `${B}/a`, '/tmp/a'],
  ['rename', 0, `${B}/a`, '/tmp/a'],
  ['link', 0, `${B}/d`, `${B}/d2`],
  ['readdir', 0, B],
  ['readdir', 1000, `${B}/dd`],
  ['readdir', 0, `${B}/a`],
];

const NAMES = [
  'a',
  'b',
  'c',
  'd',
  'a/a',
  'a/b',
  'b/a',
  'b/c',
  'a/b/c',
  'd/',
  'd/.',
  'd/..',
  'c.c',
  'a/../b',
  'e//f',
  'l',
  'l/a',
];
const MODES = [0o777, 0o755, 0o700, 0o600, 0o400, 0o000, 0o1777];
const CALLS: Readonly<Record<string, number>> = {
  ...{ pin: 6, get: 6, mkdir: 5, rmdir: 3, unlink: 4, rename: 6, link: 3, symlink: 2, chmod: 2, stat: 5, readdir: 2 },
};
const WEIGHTED = Object.entries(CALLS).flatMap(([call, times]) => Array.from({ length: times }, () => call));

export function fileSteps(count: number): readonly Step[] {
  const random = xorshift(0xf11e5);
  const pick = <V>(values: readonly V[]): V => values[random() % values.length];
  const path = (): string => `${B}/${pick(NAMES)}`;
  const words = (call: string): (string | number)[] => {
    if (call === 'pin') return [path(), pick(['map', 'prog', 'link'])];
    if (call === 'get') return [path(), pick([0, 0, 8, 16])];
    if (call === 'mkdir' || call === 'chmod') return [path(), pick(MODES)];
    if (call === 'symlink') return [pick(['a', 'b/a', '../bpf/c', B, '/tmp', 'nowhere']), path()];
    return call === 'rename' || call === 'link' ? [path(), path()] : [path()];
  };
  const made = Array.from({ length: count }, (): Step => {
    const call = pick(WEIGHTED);
    return [call, pick([0, 0, 0, 1000] as const), ...words(call)];
  });
  return [...BY_HAND, ...made];
}

/** `skep prog`: what an object holds, loaded and translated. */
import { describe, expect, test } from 'vitest';
import { FIREWALL, PROGRAMS, skep } from './skep.ts';

describe('prog', () => {
  test('show', () => {
    expect(skep(['prog', 'show', FIREWALL]).out).toMatch(/^1: xdp {2}name firewall {2}tag [0-9a-f]{16}/);
    const shown = JSON.parse(skep(['prog', 'show', FIREWALL, '--json']).out);
    expect(shown).toMatchObject([
      { type: 'xdp', name: 'firewall', map_ids: expect.any(Array), verified_insns: expect.any(Number) },
    ]);
  });
  test('load', () => {
    const said = skep(['prog', 'load', PROGRAMS]);
    expect(said.code).toBe(1);
    expect(said.out).toMatch(/loaded {2}accepted/);
    expect(said.out).toMatch(/reject {2}refused/);
  });
  test('dump xlated', () => {
    const { out, code } = skep(['prog', 'dump', 'xlated', PROGRAMS, 'name', 'target']);
    expect(code).toBe(0);
    expect(out).toBe('target:\n   0: (b4) w0 = 77\n   1: (95) exit\n');
  });
});

/** The checks of BPF_BTF_LOAD against what Linux 6.18 answered: recorded cases, and live where there is a kernel. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { BtfBuilder } from '../../src/btf/encode.ts';
import { validateBtf } from '../../src/btf/validate.ts';
import { BPF_CMD } from '../../src/uapi/cmd.ts';
import { kernelAbsent, liveKernel } from '../host/live-kernel.ts';
import { fixture, random } from '../lib/fixture.ts';
import { everyKind } from './btf.test.ts';

const kernel = await liveKernel();
if (kernel === undefined) console.log(`live kernel comparisons skipped: ${kernelAbsent}`);
afterAll(() => kernel?.[Symbol.dispose]());

const FILE = new URL('../recorded/btf/btf-load-6.18.json', import.meta.url);
interface Recorded {
  readonly btf: string;
  readonly errno: number;
  readonly log: string;
}

function ask(bytes: Uint8Array): { errno: number; log: string } {
  const btf_log_buf = new Uint8Array(1 << 20);
  const fd = kernel!.bpf(BPF_CMD.BPF_BTF_LOAD, { btf: bytes, btf_log_level: 1, btf_log_buf });
  if (fd >= 0) kernel!.close(fd);
  return {
    errno: fd < 0 ? -fd : 0,
    log: new TextDecoder('latin1').decode(btf_log_buf.subarray(0, btf_log_buf.indexOf(0))),
  };
}

/** Small BTFs that each break one rule. */
function cases(): Uint8Array[] {
  const out: Uint8Array[] = [everyKind()];
  const make = (build: (b: BtfBuilder, int: number) => void): void => {
    const b = new BtfBuilder();
    const int = b.int('int', 4, 1);
    build(b, int);
    out.push(b.encode());
  };
  const member = (name: string, type: number, bitOffset = 0, bitfieldSize = 0) => ({
    name,
    type,
    bitOffset,
    bitfieldSize,
  });
  make((b) => b.int('i', 4, 3));
  make((b) => b.int('i', 4, 0, 40));
  make((b) => b.int('i', 32, 0, 200));
  make((b) => b.ptr(99));
  make((b) => b.typedef('', 1));
  make((b) => b.typedef('a b', 1));
  make((b) => b.typedef('loop', 2));
  make((b) => b.array(0, 1, 1));
  make((b) => b.array(1, 0, 1));
  make((b) => b.array(1, 1, 0xffffffff));
  make((b, i) => b.struct('s', 4, [member('a', i, 8)]));
  make((b, i) => b.struct('s', 8, [member('a', i, 32), member('b', i, 0)]));
  make((b, i) => b.struct('s', 8, [member('1a', i)]));
  make((b) => b.struct('s', 8, [member('a', 0)]));
  make((b) => b.struct('s', 8, [member('a', 2)]));
  make((b, i) => b.struct('s', 8, [member('a', i, 0, 40)]));
  make((b) => b.struct('s', 8, [member('a', b.nrTypes + 1)]) && b.fwd('f'));
  make((b, i) => b.union('u', 8, [member('a', i, 8)]));
  make((b) => b.enum('e', 3, []));
  make((b) => b.enum('e', 4, [{ name: '', value: 0n }]));
  make((b) => b.fwd(''));
  make((b) => b.raw([b.string('f'), 7 << 24, 5]));
  make((b, i) => b.func('f', i, 0));
  make((b) => b.func('f', b.funcProto(0, []), 2));
  make((b, i) => b.func('f', b.funcProto(0, [{ name: '', type: i }]), 0));
  make((b) => b.funcProto(0, [{ name: 'v', type: 0 }]));
  make((b) => b.funcProto(99, []));
  make((b, i) => b.funcProto(b.fwd('f'), [{ name: 'x', type: i }]));
  make((b) => b.var('v', 0, 1));
  make((b, i) => b.var('v', i, 2));
  make((b) => b.datasec('.data', 0, []));
  make((b) => b.datasec('.data', 4, [{ type: 1, offset: 0, size: 4 }]));
  make((b, i) => b.datasec('.data', 4, [{ type: b.var('v', i, 1), offset: 2, size: 4 }]));
  make((b, i) => b.datasec('.data', 8, [{ type: b.var('v', i, 1), offset: 0, size: 2 }]));
  make((b) => b.float('f', 3));
  make((b, i) => b.declTag('', i));
  make((b, i) => b.declTag('t', i));
  make((b, i) => b.declTag('t', b.typedef('x', i), 0));
  make((b, i) => b.declTag('t', b.typedef('x', i), -2));
  make((b, i) => b.typeTag('', i));
  make((b, i) => b.typeTag('late', b.const(b.typeTag('early', i))) && b.const(2));
  make((b) => {
    for (let n = 0; n < 40; n++) b.const(n + 3);
    b.int('end', 4);
  });
  make((b) => {
    for (let n = 0; n < 40; n++) b.struct(`s${n}`, 4, [member('m', n + 3)]);
    b.int('end', 4);
  });
  make((b, i) => {
    const lock = b.struct('bpf_spin_lock', 4, [member('val', i)]);
    b.struct('two', 8, [member('a', lock), member('b', lock, 32)]);
  });
  for (let at = 0; at < 24; at += at < 4 ? 1 : 4) {
    const bytes = everyKind();
    bytes[at] += at < 4 ? 1 : 4;
    out.push(bytes);
  }
  out.push(everyKind().subarray(0, 24), everyKind().subarray(0, 7), everyKind(false));
  return out;
}

if (process.env.BLESS && kernel) {
  const rows = cases().map((bytes): Recorded => ({ btf: Buffer.from(bytes).toString('base64'), ...ask(bytes) }));
  writeFileSync(FILE, `${JSON.stringify(rows, null, 1)}\n`);
}

describe('recorded answers', () => {
  const rows: Recorded[] = JSON.parse(readFileSync(FILE, 'utf8'));
  test.each(rows.map((r, i) => [i, r.log.trimEnd().split('\n').at(-1) ?? '', r] as const))('%i %s', (_i, _line, r) => {
    const verdict = validateBtf(new Uint8Array(Buffer.from(r.btf, 'base64')));
    expect({ errno: verdict.errno, log: verdict.log }).toEqual({ errno: r.errno, log: r.log });
    expect(verdict.btf === undefined).toBe(r.errno !== 0);
  });

  test('without the log only the reason is kept', () => {
    const refused = rows.find((r) => r.log.endsWith('Loop detected\n'))!;
    const verdict = validateBtf(new Uint8Array(Buffer.from(refused.btf, 'base64')), { withLog: false });
    expect(verdict.log).toMatch(/^\[\d+\] TYPEDEF loop type_id=2 Loop detected\n$/);
  });
});

describe.skipIf(kernel === undefined)('live kernel', () => {
  test('damaged types get the same errno and log', { timeout: 120_000 }, () => {
    const bases = [
      everyKind(),
      fixture('calls.o').btf!.bytes,
      fixture('maps.o').btf!.bytes,
      fixture('values.o').btf!.bytes,
    ];
    const rnd = random(9);
    for (let n = 0; n < 400; n++) {
      const bytes = bases[n % bases.length].slice();
      const view = new DataView(bytes.buffer);
      const types = view.getUint32(12, true);
      for (let k = 1 + Math.floor(rnd() * 3); k > 0; k--) {
        const at = 24 + 4 * Math.floor((rnd() * types) / 4);
        const how = rnd();
        if (how < 0.4) view.setUint32(at, Math.floor(rnd() * 80), true);
        else if (how < 0.6) view.setUint32(at, (view.getUint32(at, true) + 1) >>> 0, true);
        else if (how < 0.8) view.setUint32(at, (view.getUint32(at, true) ^ (1 << Math.floor(rnd() * 32))) >>> 0, true);
        else if (how < 0.9)
          view.setUint32(at, (((1 + Math.floor(rnd() * 20)) << 24) | Math.floor(rnd() * 4)) >>> 0, true);
        else bytes[24 + types + Math.floor(rnd() * (bytes.length - 24 - types))] = Math.floor(rnd() * 128);
      }
      const { errno, log } = validateBtf(bytes);
      expect({ n, errno, log }).toEqual({ n, ...ask(bytes) });
    }
  });
});

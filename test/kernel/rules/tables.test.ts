/** The program type tables against what kernels answered to probing loads (scripts/probe-spec.py). */
import { describe, expect, it } from 'vitest';
import { helperAllowedIn } from '../../../src/kernel/rules/helper-allowed.ts';
import { helperKeys, helperProto } from '../../../src/kernel/rules/rows/helpers/protos.ts';
import type { Caps, CtxAccess, ProgQuery } from '../../../src/kernel/rules/prog-type.ts';
import { PROG_ROWS } from '../../../src/kernel/rules/rows/progs/all.ts';
import * as R from '../../../src/kernel/rules/reg-types.ts';
import { checkCaps } from '../../../src/kernel/syscall/prog/attach-check.ts';
import { BPF_FUNC } from '../../../src/uapi/helper-ids.ts';
import { BPF_PROG_TYPE } from '../../../src/uapi/prog-types.ts';
import { KERNELS, LINUX_6_18 } from './kernels.ts';

type Grouped<T> = [keys: string[], row: T][];

const NAMES = new Map<number, string>(Object.entries(BPF_FUNC).map(([k, v]) => [v, k.replace('BPF_FUNC_', '')]));
const none: Caps = { bpf: false, perfmon: false, netAdmin: false, sysAdmin: false };
const CAPS: Record<string, Caps> = {
  all: { bpf: true, perfmon: true, netAdmin: true, sysAdmin: true },
  bpf: { ...none, bpf: true },
  'bpf+net': { ...none, bpf: true, netAdmin: true },
  'bpf+perfmon': { ...none, bpf: true, perfmon: true },
};
const ATTACH_NAME: Record<string, string> = {
  '26:23': 'sched_switch',
  '26:28': 'bpf_iter_task',
  '27:0': 'tcp_congestion_ops.ssthresh',
};

function query(key: string, variant = 'all'): ProgQuery {
  const [progType, expectedAttachType] = key.split(':').map(Number);
  return {
    progType,
    expectedAttachType,
    caps: CAPS[variant] ?? CAPS.all,
    sleepable: variant === 'sleepable' || progType === BPF_PROG_TYPE.BPF_PROG_TYPE_SYSCALL,
    gplCompatible: variant !== 'nogpl',
    attachBtfName: ATTACH_NAME[key] ?? '',
  };
}

/** Helpers that the recording kernel lacks by configuration; the rows say which one. */
const NOT_CONFIGURED = new Set(['probe_write_user', 'override_return']);

describe('helper prototypes', () => {
  it('has every helper of 6.18 under its UAPI id and name', () => {
    const ids = new Set<number>();
    for (const [key, proto] of helperKeys().map((key) => [key, helperProto(key)] as const)) {
      expect(NAMES.get(proto.id), key).toBe(proto.name);
      expect(key.split(':')[0]).toBe(proto.name);
      ids.add(proto.id);
    }
    expect(ids.size).toBe(211);
  });
});

describe('program types', () => {
  it('has a row for each of the 32 types', () => {
    const want = Object.entries(BPF_PROG_TYPE).filter(([, v]) => v !== 0);
    expect(PROG_ROWS.map((r) => [r.name, r.type])).toEqual(want);
    expect(LINUX_6_18.rules.prog(99)).toBeUndefined();
  });
});

describe.each(KERNELS)('program types of $name', ({ rules, recorded }) => {
  const { rows: helpers } = recorded('helpers.json') as { rows: Record<string, Grouped<string>> };
  for (const [variant, groups] of Object.entries(helpers)) {
    it(`offers the helpers that the kernel offers: ${variant}`, () => {
      const wrong: string[] = [];
      for (const [keys, row] of groups)
        for (const key of keys) {
          const q = query(key, variant);
          const ops = rules.prog(q.progType);
          for (let id = 1; id <= row.length; id++) {
            const name = NAMES.get(id) as string;
            if (NOT_CONFIGURED.has(name)) continue;
            const proto = ops?.funcProto(id, q);
            let mine = proto === undefined ? '.' : '+';
            if (proto?.gplOnly && !q.gplCompatible) mine = 'g';
            else if (proto !== undefined && !helperAllowedIn(proto, q, false)) mine = 'n';
            else if (proto?.mightSleep && !q.sleepable) mine = 's';
            if (mine !== row[id - 1]) wrong.push(`${key} ${name}: kernel ${row[id - 1]}, table ${mine}`);
          }
        }
      expect(wrong).toEqual([]);
    });
  }

  it('lets programs keep registers over get_smp_processor_id where the kernel does', () => {
    const id = BPF_FUNC.BPF_FUNC_get_smp_processor_id;
    for (const [key, want] of Object.entries(recorded('fastcall.json') as Record<string, boolean>)) {
      const q = query(key);
      expect(rules.prog(q.progType)?.funcProto(id, q)?.allowFastcall === true, key).toBe(want);
    }
  });
});

describe('program types', () => {
  it('limits return values as the kernel does', () => {
    const wrong: string[] = [];
    for (const [key, want] of Object.entries(
      LINUX_6_18.recorded('returns.json') as Record<string, 'any' | [number, number]>,
    )) {
      const q = query(key);
      const range = LINUX_6_18.rules.prog(q.progType)?.retRange(q);
      const mine = range === undefined ? 'any' : [range.min, range.max];
      if (JSON.stringify(mine) !== JSON.stringify(want)) wrong.push(`${key}: kernel ${want}, table ${mine}`);
    }
    expect(wrong).toEqual([]);
  });
});

/** Types that the recording kernel refuses before it looks at them, for its configuration. */
const NOT_RECORDED = ['LIRC_MODE2', 'EXT', 'LSM'];

describe('the recordings', () => {
  const { rules, recorded: file } = LINUX_6_18;
  const types = Object.entries(BPF_PROG_TYPE).flatMap(([name, type]) => (type === 0 ? [] : [{ name, type }]));
  const recorded = (keys: readonly string[]): Set<number> => new Set(keys.map((k) => Number(k.split(':')[0])));
  const missing = (keys: readonly string[], wanted: (type: number) => boolean): string[] => {
    const have = recorded(keys);
    return types
      .filter(({ type }) => wanted(type) && !have.has(type))
      .map(({ name }) => name.replace('BPF_PROG_TYPE_', ''));
  };
  const helpers = (file('helpers.json') as { rows: Record<string, Grouped<string>> }).rows;
  const all = helpers['all'].flatMap(([keys]) => keys);

  it('have every program type, in each set of capabilities that may load it', () => {
    const { EXT, LSM, LIRC_MODE2 } = { EXT: 28, LSM: 29, LIRC_MODE2: 20 };
    for (const variant of ['all', 'bpf', 'bpf+net', 'bpf+perfmon']) {
      const may = (type: number): boolean => checkCaps(rules, type, CAPS[variant]) === 0;
      const keys = helpers[variant].flatMap(([k]) => k);
      const want = NOT_RECORDED.filter((_, i) => may([LIRC_MODE2, EXT, LSM][i])).sort();
      expect(missing(keys, may).sort(), variant).toEqual(want);
    }
  });

  it('have a return range and a context for each', () => {
    expect(Object.keys(file('returns.json') as object).sort()).toEqual([...all].sort());
    const ctx = (file('ctx.json') as { rows: Grouped<string[]> }).rows.flatMap(([keys]) => keys);
    // Contexts that BTF types are compared by test/verifier/access.
    expect(missing(ctx, (type) => !rules.prog(type)?.btfCtx).sort()).toEqual(['EXT', 'LIRC_MODE2']);
  });
});

/** Register types as the verifier's log names them. */
function regName(access: CtxAccess): string {
  if (access.regType === R.SCALAR_VALUE) return '';
  const base: Record<number, string> = {
    [R.PTR_TO_PACKET]: 'pkt',
    [R.PTR_TO_PACKET_END]: 'pkt_end',
    [R.PTR_TO_PACKET_META]: 'pkt_meta',
    [R.PTR_TO_FLOW_KEYS]: 'flow_keys',
    [R.PTR_TO_SOCKET]: 'sock',
    [R.PTR_TO_SOCK_COMMON]: 'sock_common',
    [R.PTR_TO_TP_BUFFER]: 'tp_buffer',
    [R.PTR_TO_BTF_ID]: `trusted_ptr_${access.btfName}`,
  };
  return `:${base[R.baseType(access.regType)]}${R.typeMayBeNull(access.regType) ? '_or_null' : ''}`;
}

describe('context accesses', () => {
  const { rules, recorded } = LINUX_6_18;
  const { rows: groups } = recorded('ctx.json') as { rows: Grouped<string[]> };
  for (const [keys, rows] of groups)
    for (const key of keys) {
      it(`allows what the kernel allows: ${key}`, () => {
        const q = query(key);
        const ops = rules.prog(q.progType);
        const size = rules.progRow(q.progType)?.ctx.struct.size ?? 0;
        const kernel = new Map(rows.map((r) => [Number(r.split(' ')[0]), r]));
        const wrong: string[] = [];
        const out: CtxAccess = { regType: 0, ctxFieldSize: 0 };
        const last = Math.min(size + 16, 32768);
        for (let off = -8; off < last; off++) {
          // The recording leaves out the middle of large contexts.
          if (size > 256 && off >= 40 && off < last - 40) continue;
          // Before its record, 6.18 lets tracepoint programs read: refused here.
          if (off < 0 && q.progType === BPF_PROG_TYPE.BPF_PROG_TYPE_TRACEPOINT) continue;
          if (size > 256 && !kernel.has(off) && off >= 40) continue;
          const parts: string[] = [];
          for (const mode of ['r', 'w', 's']) {
            let reg = '';
            const sizes = (mode === 's' ? [1, 2, 4] : [1, 2, 4, 8]).filter((s) => {
              const access = { off, size: s, write: mode === 'w', signExtend: mode === 's' };
              if (!ops?.isValidAccess(access, q, out)) return false;
              if (mode === 'r') reg = regName(out);
              return true;
            });
            if (sizes.length > 0) parts.push(mode + sizes.join('') + reg);
          }
          const mine = parts.length === 0 ? undefined : [off, ...parts].join(' ');
          if (mine !== kernel.get(off)) wrong.push(`kernel ${kernel.get(off)}, table ${mine}`);
        }
        expect(wrong).toEqual([]);
      });
    }
});

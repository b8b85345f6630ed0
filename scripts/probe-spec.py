#!/usr/bin/env python3
"""Asks the live kernel (bpf(2), root) which helpers, context accesses and return values each program type has,
and records the answers under test/kernel/rules/: `python3 scripts/probe-spec.py`. Programs are only loaded, never attached."""
import ctypes, json, os, re, struct, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.environ.get('OUT') or os.path.join(HERE, '..', 'test', 'recorded', 'rules', '6.18')
libc = ctypes.CDLL(None, use_errno=True)
logbuf = ctypes.create_string_buffer(1 << 20)
CAP_NET_ADMIN, CAP_PERFMON, CAP_BPF = 1 << 12, 1 << 38, 1 << 39


def insn(code, dst=0, src=0, off=0, imm=0):
    return struct.pack('<BBhi', code, dst | (src << 4), off, imm)


EXIT, MOV0 = insn(0x95), insn(0xB7)


def load(ptype, insns, attach=0, license=b'GPL', flags=0, level=1, btf_id=0):
    data = b''.join(insns)
    code, lic = ctypes.create_string_buffer(data, len(data)), ctypes.create_string_buffer(license)
    logbuf[0] = b'\0'
    attr = struct.pack('<IIQQIIQII16sIIIIQIIQIIIIQ', ptype, len(data) // 8, ctypes.addressof(code), ctypes.addressof(lic),
                       level, len(logbuf), ctypes.addressof(logbuf), 0, flags, b'probe', 0, attach, 0, 0, 0, 0, 0, 0, 0, btf_id, 0, 0, 0)
    buf = ctypes.create_string_buffer(attr, len(attr))
    fd = libc.syscall(321, 5, buf, len(attr))
    err = 0 if fd >= 0 else ctypes.get_errno()
    if fd >= 0:
        os.close(fd)
    return err, logbuf.value.decode(errors='replace')


def set_caps(mask):
    head = struct.pack('<Ii', 0x20080522, 0)
    data = struct.pack('<6I', mask & 0xFFFFFFFF, mask & 0xFFFFFFFF, 0, mask >> 32, mask >> 32, 0)
    if libc.syscall(126, ctypes.create_string_buffer(head, 8), ctypes.create_string_buffer(data, 24)) != 0:
        raise OSError(ctypes.get_errno(), 'capset')


btf_text = subprocess.run(['bpftool', 'btf', 'dump', 'file', '/sys/kernel/btf/vmlinux'], capture_output=True, text=True).stdout


def btf_id(kind, name):
    m = re.search(r"^\[(\d+)\] %s '%s'" % (kind, name), btf_text, re.M)
    return int(m[1]) if m else 0


TYPES = {1: [0], 2: [0, 42, 56, 48, 57], 3: [0], 4: [0], 5: [0], 6: [0, 33, 35, 37], 7: [0], 8: [0, 1], 9: [2, 34, 12, 13],
         10: [0], 11: [0], 12: [0], 13: [3], 14: [0], 15: [6], 16: [0], 17: [0],
         18: [8, 9, 10, 11, 49, 14, 15, 50, 19, 20, 51, 29, 30, 52, 31, 32, 53], 19: [0], 20: [0], 21: [39, 40], 22: [0],
         23: [18], 24: [0], 25: [21, 22], 26: [23, 28], 27: [0], 30: [36], 31: [0], 32: [45]}
CTX_SIZE = {1: 192, 2: 168, 3: 192, 4: 192, 5: 8192, 6: 24, 7: 184, 8: 192, 9: 80, 10: 192, 11: 192, 12: 192, 13: 224, 14: 192,
            15: 12, 16: 80, 17: 96, 18: 72, 19: 192, 20: 4, 21: 56, 22: 192, 23: 8, 24: 96, 25: 40, 30: 72, 31: 32768, 32: 16}
ATTACH_BTF = {(26, 23): btf_id('TYPEDEF', 'btf_trace_sched_switch'), (26, 28): btf_id('FUNC', 'bpf_iter_task'),
              (27, 0): btf_id('STRUCT', 'tcp_congestion_ops')}
SIZE_BITS = {1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18}


def base_flags(ptype):
    return 16 if ptype == 31 else 0


def helper_row(ptype, attach, license, flags):
    out = ''
    for h in range(1, 212):
        err, log = load(ptype, [insn(0x85, imm=h), MOV0, EXIT], attach, license, flags, btf_id=ATTACH_BTF.get((ptype, attach), 0))
        if 'cannot use helper' in log: out += '.'
        elif 'cannot call GPL-restricted' in log: out += 'g'
        elif 'helper call might sleep' in log: out += 's'
        elif 'not allowed in probe' in log: out += 'n'
        elif 'invalid func' in log: out += 'i'
        elif err == 0 or '(85) call' in log: out += '+'
        else: return None
    return out


def in_child(work, mask):
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        if mask is not None: set_caps(mask)
        with os.fdopen(w, 'w') as f: json.dump(work(), f)
        os._exit(0)
    os.close(w)
    with os.fdopen(r) as f: text = f.read()
    os.waitpid(pid, 0)
    return json.loads(text)


def group(rows):
    """Equal rows under one entry: [[key, ...], row]."""
    seen = {}
    for key, row in rows.items():
        if row is not None: seen.setdefault(json.dumps(row), []).append(key)
    return [[keys, json.loads(row)] for row, keys in seen.items()]


def probe_helpers():
    def matrix(license, sleepable):
        return {f'{t}:{a}': helper_row(t, a, license, 16 if sleepable or t == 31 else 0) for t, ats in TYPES.items() for a in ats}
    variants = {'all': (None, b'GPL', False), 'nogpl': (None, b'MIT', False), 'bpf': (CAP_BPF, b'GPL', False),
                'bpf+net': (CAP_BPF | CAP_NET_ADMIN, b'GPL', False), 'bpf+perfmon': (CAP_BPF | CAP_PERFMON, b'GPL', False),
                'sleepable': (None, b'GPL', True)}
    return {k: group(in_child(lambda: matrix(lic, sl), mask)) for k, (mask, lic, sl) in variants.items()}


def access(ptype, attach, off, size, mode):
    bits = SIZE_BITS[size]
    if mode == 'w': code = [MOV0, insn(0x63 & ~0x18 | bits, 1, 0, off), EXIT]
    elif mode == 'r': code = [insn(0x61 & ~0x18 | bits, 2, 1, off), MOV0, EXIT]
    else: code = [insn(0x81 & ~0x18 | bits, 2, 1, off), MOV0, EXIT]
    err, log = load(ptype, code, attach, flags=base_flags(ptype), level=2, btf_id=ATTACH_BTF.get((ptype, attach), 0))
    if err and 'At program exit' not in log: return None
    m = re.search(r' R2=([a-z_A-Z]+)', log) if mode == 'r' else None
    return m[1] if m else '+'


def ctx_rows(ptype, attach):
    n = CTX_SIZE[ptype]
    offs = list(range(-8, n + 16)) if n <= 256 else [o for o in [*range(-8, 40), *range(n - 16, n + 16)] if o < 32768]
    rows = []
    for off in offs:
        parts = []
        for mode in 'rws':
            got = {s: access(ptype, attach, off, s, mode) for s in ((1, 2, 4) if mode == 's' else (1, 2, 4, 8))}
            sizes = ''.join(str(s) for s, v in got.items() if v)
            if not sizes: continue
            regs = {v for v in got.values() if v}
            reg = regs.pop() if len(regs) == 1 else '/'.join(sorted(regs))
            parts.append(mode + sizes + ('' if reg in ('+', 'scalar') else ':' + reg))
        if parts: rows.append(f'{off} ' + ' '.join(parts))
    return rows


def return_range(ptype, attach):
    code = [insn(0x85, imm=7), EXIT]
    err, log = load(ptype, code, attach, flags=base_flags(ptype), btf_id=ATTACH_BTF.get((ptype, attach), 0))
    m = re.search(r'should have been in \[(-?\d+), (-?\d+)\]', log)
    return [int(m[1]), int(m[2])] if m else ('any' if err == 0 else None)


def probe_kfuncs():
    tagged = {int(m) for m in re.findall(r"DECL_TAG 'bpf_kfunc' type_id=(\d+)", btf_text)}
    funcs = {int(a): b for a, b in re.findall(r"^\[(\d+)\] FUNC '([^']+)'", btf_text, re.M)}
    kfuncs = sorted((funcs[i], i) for i in tagged)
    rows, sleepable = {}, set()
    for t, ats in TYPES.items():
        for a in ats if t in (2, 26) else ats[:1]:
            if t == 20: continue
            row = ''
            for name, i in kfuncs:
                err, log = load(t, [insn(0x85, 0, 2, 0, i), MOV0, EXIT], a, flags=base_flags(t), btf_id=ATTACH_BTF.get((t, a), 0))
                row += '.' if 'is not allowed' in log and 'calling kernel function' in log else '+'
                if 'program must be sleepable' in log: sleepable.add(name)
            rows[f'{t}:{a}'] = row
    return {'names': [n for n, _ in kfuncs], 'sleepable': sorted(sleepable), 'rows': group(rows)}


def fastcall(ptype, attach):
    """Whether the spill around get_smp_processor_id is taken out: the prototype has allow_fastcall."""
    code = [insn(0xBF, 6, 1), insn(0x7B, 10, 1, -8), insn(0x85, imm=8), insn(0x79, 1, 10, -8), insn(0xB7, 0, imm=1), EXIT]
    data = b''.join(code)
    buf, lic = ctypes.create_string_buffer(data, len(data)), ctypes.create_string_buffer(b'GPL')
    attr = struct.pack('<IIQQIIQII16sIIIIQIIQIIIIQ', ptype, len(code), ctypes.addressof(buf), ctypes.addressof(lic), 0, 0, 0, 0,
                       base_flags(ptype), b'probe', 0, attach, 0, 0, 0, 0, 0, 0, 0, ATTACH_BTF.get((ptype, attach), 0), 0, 0, 0)
    fd = libc.syscall(321, 5, ctypes.create_string_buffer(attr, len(attr)), len(attr))
    if fd < 0: return None
    info = ctypes.create_string_buffer(256)
    libc.syscall(321, 15, ctypes.create_string_buffer(struct.pack('<IIQ', fd, 256, ctypes.addressof(info)), 16), 16)
    os.close(fd)
    return struct.unpack_from('<I', info, 20)[0] // 8 <= 7


def main():
    os.makedirs(OUT, exist_ok=True)
    def write(name, data):
        with open(os.path.join(OUT, name), 'w') as f:
            json.dump(data, f, indent=1)
            f.write('\n')
    write('helpers.json', {'kernel': os.uname().release, 'rows': probe_helpers()})
    write('fastcall.json', {f'{t}:{a}': fastcall(t, a) for t, ats in TYPES.items() for a in ats if fastcall(t, a) is not None})
    write('kfuncs.json', probe_kfuncs())
    pairs = [(t, a) for t in CTX_SIZE for a in TYPES[t] if t != 20]
    write('ctx.json', {'kernel': os.uname().release, 'rows': group({f'{t}:{a}': ctx_rows(t, a) for t, a in pairs})})
    write('returns.json', {f'{t}:{a}': return_range(t, a) for t, ats in TYPES.items() for a in ats if return_range(t, a) is not None})


if __name__ == '__main__':
    main()

#!/usr/bin/env python3
"""Records what the live kernel says to wrong helper arguments: kind of register expected, null, and memory that is written.
`python3 scripts/probe-args.py` writes test/recorded/rules/6.18/args.json and maps.json. Programs are only loaded, never attached."""
import ctypes, importlib.util, json, os, re, struct

HERE = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location('probe_spec', os.path.join(HERE, 'probe-spec.py'))
P = importlib.util.module_from_spec(spec)
spec.loader.exec_module(P)
insn = P.insn
SK_OFFSET = {1: 168, 3: 168, 4: 168, 8: 168, 13: 184, 16: 72, 18: 64, 25: 0, 21: 40, 30: 0, 14: 168}


def bpf(cmd, attr):
    return P.libc.syscall(321, cmd, ctypes.create_string_buffer(attr, len(attr)), len(attr))


def map_create(mtype, key, value, n, flags=0):
    return bpf(0, struct.pack('<IIIIIII16s', mtype, key, value, n, flags, 0, 0, b'm') + bytes(40))


def ld_fd(dst, fd, src=1): return insn(0x18, dst, src, 0, fd) + bytes(8)


HASH = map_create(1, 8, 8, 1)
FROZEN = map_create(2, 4, 8, 1, 1 << 7)
key, value = ctypes.create_string_buffer(4), ctypes.create_string_buffer(b'a\0\0\0\0\0\0\0', 8)
bpf(2, struct.pack('<IIQQQ', FROZEN, 0, ctypes.addressof(key), ctypes.addressof(value), 0))
bpf(22, struct.pack('<I', FROZEN))

mov = lambda d, s: insn(0xBF, d, s)
imm = lambda d, v: insn(0xB7, d, imm=v)


def prologue(ptype, task=True):
    code = [mov(6, 1)] + [insn(0x7A, 10, 0, -8 * i, 0) for i in range(1, 17)]
    code += [insn(0x85, imm=158) if task else imm(0, 0), mov(7, 0), imm(8, 0)]
    if ptype in SK_OFFSET: code += [insn(0x79, 8, 6, SK_OFFSET[ptype]), insn(0x55, 8, 0, 2, 0), imm(0, 1), P.EXIT]
    return code


CANDIDATES = {
    'ctx': lambda r: [mov(r, 6)],
    'stack': lambda r: [mov(r, 10), insn(0x07, r, imm=-64)],
    'zero': lambda r: [imm(r, 0)],
    'eight': lambda r: [imm(r, 8)],
    'map': lambda r: [ld_fd(r, HASH)],
    'task': lambda r: [mov(r, 7)],
    'sock': lambda r: [mov(r, 8)],
    'str': lambda r: [ld_fd(r, FROZEN, 2)],
}


AFTERWARDS = ('At program exit', 'cannot pass map_type', 'expected prog array map', 'reference leak', "doesn't support non-zero flags")


def run(ptype, attach, helper, regs, sleepable, task=True):
    """regs: candidate per argument. The outcome for the last of them."""
    code = prologue(ptype, task)
    for i, c in enumerate(regs): code += CANDIDATES[c](i + 1) if isinstance(c, str) else c
    code += [insn(0x85, imm=helper), imm(0, 1), P.EXIT]
    flags = P.base_flags(ptype) | (16 if sleepable else 0)
    global LAST
    err, log = LAST = P.load(ptype, code, attach, flags=flags, btf_id=P.ATTACH_BTF.get((ptype, attach), 0))
    n = len(regs)
    # Complaints that come after every argument was taken.
    if err == 0 or any(t in log for t in AFTERWARDS): return 'end', log
    if f'R{n + 1} !read_ok' in log and n < 5: return 'next', log
    lines = [l for l in log.split('\n') if l and not l.startswith('processed')]
    return 'bad', lines[-1] if lines else ''


def probe(ptype, attach, helper, sleepable):
    got, regs = [], []
    for i in range(5):
        what, msg = run(ptype, attach, helper, regs, sleepable)
        if what != 'next': break
        entry = {}
        what, msg = run(ptype, attach, helper, regs + [[imm(i + 1, 1)]], sleepable)
        entry['one'] = 'ok' if what != 'bad' else re.sub(r'^R\d ', '', msg)
        what, msg = run(ptype, attach, helper, regs + ['zero'], sleepable)
        entry['null'] = what != 'bad'
        good = None
        for c in CANDIDATES:
            if c == 'sock' and ptype not in SK_OFFSET: continue
            what, msg = run(ptype, attach, helper, regs + [c], sleepable)
            if what != 'bad':
                good = c
                break
        if got and got[-1].get('good') == 'stack':
            # The size decides: may the memory before it be read-only, and may it be empty?
            what, msg = run(ptype, attach, helper, regs[:-1] + ['str', 'eight'], sleepable)
            got[-1]['writes'] = 'write into map forbidden' in msg
            what, msg = run(ptype, attach, helper, regs + ['zero'], sleepable)
            if 'zero-size' in msg: entry['empty'] = False
        entry['good'] = good
        got.append(entry)
        if good is None: break
        regs.append('eight' if good == 'zero' and entry['one'] == 'ok' and entry.get('empty') is None and got[-2:-1] and got[-2].get('good') == 'stack' else good)
    if regs and got and got[-1].get('good') == 'stack':
        what, msg = run(ptype, attach, helper, regs[:-1] + ['str'], sleepable)
        got[-1]['writes'] = 'write into map forbidden' in msg
    return got


RAW = lambda r: [mov(r, 10), insn(0x07, r, imm=-256)]


def uninit(ptype, attach, helper, got):
    """Without CAP_PERFMON, memory must be initialised unless the helper fills it: which arguments are filled."""
    regs = [e.get('good') for e in got]
    if not got or None in regs or 'task' in regs: return None
    out = []
    for i, e in enumerate(got):
        if e['good'] != 'stack' or not e['one'].startswith('type=scalar expected=fp'): continue
        with_size = i + 1 < len(regs) and regs[i + 1] in ('zero', 'eight')
        todo = regs[:i] + [RAW(i + 1)] + (['eight'] if with_size else []) + regs[i + 2 if with_size else i + 1:]
        what, msg = run(ptype, attach, helper, todo, False, task=False)
        base, base_msg = run(ptype, attach, helper, regs[:i] + ['stack'] + todo[i + 1:], False, task=False)
        if base == 'bad': continue
        out.append([i, 'invalid read from stack' not in msg and 'invalid indirect read' not in msg])
    return out


# Key size, value size, entries, flags of a small map of each type; those that need BTF to be created are left out.
MAPS = {1: (4, 4, 1, 0), 2: (4, 4, 1, 0), 3: (4, 4, 1, 0), 4: (4, 4, 1, 0), 5: (4, 4, 1, 0), 6: (4, 4, 1, 0), 7: (4, 8, 1, 0), 8: (4, 4, 1, 0),
        9: (4, 4, 1, 0), 10: (4, 4, 1, 0), 11: (8, 4, 1, 1), 14: (4, 4, 1, 0), 15: (4, 4, 1, 0), 16: (4, 4, 1, 0), 17: (4, 4, 1, 0),
        18: (4, 4, 1, 0), 19: (8, 4, 0, 0), 20: (4, 4, 1, 0), 21: (8, 4, 0, 0), 22: (0, 4, 1, 0), 23: (0, 4, 1, 0), 25: (4, 4, 1, 0), 27: (0, 0, 4096, 0),
        30: (0, 4, 1, 0), 31: (0, 0, 4096, 0)}


def probe_maps(args):
    """Per helper and program type: the map types that it takes, and those refused for another reason."""
    fds = {t: map_create(t, *a) for t, a in MAPS.items()}
    for t in (12, 13): fds[t] = bpf(0, struct.pack('<IIIIIII16s', t, 4, 4, 1, 0, HASH, 0, b'm') + bytes(40))
    fds = {t: fd for t, fd in fds.items() if fd >= 0}
    rows = {}
    for helper, variants in args:
        for keys, entries in variants:
            regs = [e['good'] for e in entries]
            if 'map' not in regs or None in regs: continue
            if helper == 81: regs[1] = 'zero'  # get_local_storage looks at its flags first
            at = regs.index('map')
            for key in keys:
                ptype, attach = map(int, key.split(':'))
                ok, other = [], []
                for t, fd in sorted(fds.items()):
                    what, msg = run(ptype, attach, helper, regs[:at] + [[ld_fd(at + 1, fd)]] + regs[at + 1:], False)
                    err, log = LAST
                    if 'cannot pass map_type' in log or 'expected prog array map' in log: continue
                    (ok if what != 'bad' else other).append(t)
                rows[f'{helper}@{key}'] = [ok, other]
    return {'types': sorted(fds), 'rows': P.group(rows)}


def main():
    avail = json.load(open(os.path.join(P.OUT, 'helpers.json')))['rows']
    table = {}
    for variant in ('all', 'sleepable'):
        for keys, row in avail[variant]:
            for k in keys: table.setdefault(k, {})[variant] = row
    out, order = {}, {}
    for k, rows in table.items():
        ptype, attach = map(int, k.split(':'))
        for h in range(1, 212):
            if rows.get('all', '.' * 211)[h - 1] == '+': sleepable = False
            elif rows.get('sleepable', '.' * 211)[h - 1] == '+': sleepable = True
            else: continue
            got = json.dumps(probe(ptype, attach, h, sleepable))
            out.setdefault(h, {}).setdefault(got, []).append(k)
    def work():
        return [[h, got, keys[0], uninit(*map(int, keys[0].split(':')), h, json.loads(got))]
                for h, v in out.items() for got, keys in v.items() if int(keys[0].split(':')[0]) not in (2, 5, 7, 17, 24, 26, 27, 31)]
    for h, got, key, found in P.in_child(work, P.CAP_BPF | P.CAP_NET_ADMIN):
        if not found: continue
        keys = out[h].pop(got)
        entries = json.loads(got)
        for i, fills in found: entries[i]['fills'] = fills
        out[h][json.dumps(entries)] = keys
    rows = [[h, [[keys, json.loads(got)] for got, keys in v.items()]] for h, v in sorted(out.items())]
    with open(os.path.join(P.OUT, 'args.json'), 'w') as f:
        f.write('[\n' + ',\n'.join(json.dumps(r) for r in rows) + '\n]\n')
    with open(os.path.join(P.OUT, 'maps.json'), 'w') as f:
        json.dump(probe_maps(rows), f)
        f.write('\n')


main()

#!/usr/bin/env python3
"""Records how the live kernel rewrites context accesses (xlated instructions of loaded programs) and where the structs' members
lie in its BTF, under test/recorded/verifier/: `python3 scripts/probe-ctx.py` after probe-spec.py. Nothing is attached."""
import ctypes, glob, importlib.util, json, os, re, struct, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location('probe_spec', os.path.join(HERE, 'probe-spec.py'))
P = importlib.util.module_from_spec(spec)
spec.loader.exec_module(P)
OUT = os.path.join(HERE, '..', 'test', 'recorded', 'verifier')
libc = P.libc


def load_fd(ptype, insns, attach, flags=0):
    data = b''.join(insns)
    code, lic = ctypes.create_string_buffer(data, len(data)), ctypes.create_string_buffer(b'GPL')
    attr = struct.pack('<IIQQIIQII16sIIIIQIIQIIIIQ', ptype, len(data) // 8, ctypes.addressof(code), ctypes.addressof(lic), 0, 0, 0, 0, flags,
                       b'probe', 0, attach, 0, 0, 0, 0, 0, 0, 0, P.ATTACH_BTF.get((ptype, attach), 0), 0, 0, 0)
    return libc.syscall(321, 5, ctypes.create_string_buffer(attr, len(attr)), len(attr))


def xlated(fd):
    info, buf = ctypes.create_string_buffer(256), ctypes.create_string_buffer(8 * 512)
    struct.pack_into('<IIQIIQQ', info, 0, 0, 0, 0, 0, len(buf), 0, ctypes.addressof(buf))
    attr = struct.pack('<IIQ', fd, 256, ctypes.addressof(info))
    if libc.syscall(321, 15, ctypes.create_string_buffer(attr, len(attr)), len(attr)) < 0: return None
    return buf.raw[:struct.unpack_from('<I', info, 20)[0]]


def rewritten(ptype, attach, setup, code):
    """Hex of what replaces `code` behind `setup`, or None when the program is refused."""
    tail = [P.MOV0, P.EXIT]
    fd = load_fd(ptype, [*setup, code, *tail], attach, P.base_flags(ptype))
    if fd < 0: return None
    x = xlated(fd)
    os.close(fd)
    return x[8 * len(setup):-16].hex()


def mov(dst, src): return P.insn(0xBF, dst, src)


def rows(ptype, attach, accesses):
    out = []
    for row in accesses:
        off, *parts = row.split(' ')
        for part in parts:
            mode, sizes = part[0], part[1:].split(':')[0]
            for size in map(int, sizes):
                bits = P.SIZE_BITS[size]
                if mode == 'w':
                    todo = [([P.insn(0xB7, 2, imm=7)], P.insn(0x63 & ~0x18 | bits, 1, 2, int(off))),
                            ([], P.insn(0x62 & ~0x18 | bits, 1, 0, int(off), 7)),
                            ([mov(9, 1), P.insn(0xB7, 8, imm=7)], P.insn(0x63 & ~0x18 | bits, 9, 8, int(off)))]
                else:
                    base = 0x61 if mode == 'r' else 0x81
                    todo = [([], P.insn(base & ~0x18 | bits, 2, 1, int(off)))]
                    if mode == 'r' and int(off) % 4 == 0:
                        todo += [([], P.insn(base & ~0x18 | bits, 1, 1, int(off))),
                                 ([mov(9, 1)], P.insn(base & ~0x18 | bits, 9, 9, int(off)))]
                for setup, code in todo:
                    got = rewritten(ptype, attach, setup, code)
                    if got is not None and got != code.hex(): out.append(f'{code.hex()} {got}')
    return out


def layout():
    raw = json.loads(subprocess.run(['bpftool', '-j', 'btf', 'dump', 'file', '/sys/kernel/btf/vmlinux'], capture_output=True).stdout)
    types = {t['id']: t for t in raw['types']}
    named = {}
    for t in raw['types']:
        if t['kind'] in ('STRUCT', 'UNION'): named.setdefault(t['name'], t)

    def strip(i):
        while i and types[i]['kind'] in ('TYPEDEF', 'CONST', 'VOLATILE', 'RESTRICT', 'TYPE_TAG'): i = types[i]['type_id']
        return types.get(i)

    def size(t):
        if t['kind'] == 'PTR': return 8
        if t['kind'] == 'ARRAY': return t['nr_elems'] * size(strip(t['type_id']))
        return t.get('size', 0)

    def find(t, name):
        for m in t.get('members', []):
            mt = strip(m['type_id'])
            if m['name'] == name: return m['bits_offset'] // 8, mt
            if m['name'] == '(anon)' and mt['kind'] in ('STRUCT', 'UNION'):
                sub = find(mt, name)
                if sub: return m['bits_offset'] // 8 + sub[0], sub[1]
        return None

    text = ''.join(open(f).read() for f in glob.glob(os.path.join(HERE, '..', 'src', 'kernel', 'verifier', 'rewrite', 'ctx-*.ts')))
    places = set(re.findall(r"'([a-z_0-9]+(?:\.[a-z_0-9]+)+)'", text))
    places |= {'sock_common.' + m for m in re.findall(r"'(skc_\w+)'", text)}
    tcp = named['tcp_sock']
    places |= {'tcp_sock.' + m for m in re.findall(r"'(\w+)'", text) if find(tcp, m)}
    out = {}
    for p in sorted(places):
        root, *path = p.split('.')
        if root not in named: continue
        t, off = named[root], 0
        for name in path:
            hit = find(t, name)
            if hit is None:
                print('no member', p, file=sys.stderr)
                break
            off, t = off + hit[0], hit[1]
        else: out[p] = [off, size(t)]
    return out


def main():
    os.makedirs(OUT, exist_ok=True)
    recorded = json.load(open(os.path.join(P.OUT, 'ctx.json')))
    data = {}
    for keys, accesses in recorded['rows']:
        for key in keys:
            ptype, attach = map(int, key.split(':'))
            got = rows(ptype, attach, accesses)
            if got: data[key] = got
    with open(os.path.join(OUT, 'ctx-access.json'), 'w') as f:
        json.dump({'kernel': os.uname().release, 'layout': layout(), 'rows': P.group(data)}, f, indent=0)
        f.write('\n')


main()

"""Asks the running kernel (and llvm-objdump-19) again for the second column of every row in test/recorded/isa.

kernel-log.tsv  instruction as hex, text of the verifier log
objdump.tsv     instruction as hex, text of llvm-objdump-19; objdump-v4.tsv with --mcpu=v4
structure.tsv   program as hex, `ok` or the kernel's last log line
alu.tsv         program as hex, 32-bit result of PROG_TEST_RUN; made from a seed by this script
Run as root on Linux 6.18: python3 scripts/record_isa_fixtures.py
"""
import os, random, re, subprocess, tempfile
from kernel_oracle import close, insn, load, run

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'test', 'recorded', 'isa')


def rows(name):
    with open(os.path.join(HERE, name)) as f:
        return [line.split('\t')[0] for line in f.read().split('\n') if line and not line.startswith('#')]


def write(name, head, pairs):
    with open(os.path.join(HERE, name), 'w') as f:
        f.write(f'# {head}\n')
        f.writelines(f'{a}\t{b}\n' for a, b in pairs)


def log_text(hexes):
    """The text that the log has for an instruction at slot 4 of a program in which all small jumps stay inside."""
    code = bytes.fromhex(hexes)
    pad = insn(0xb7) * 4
    program = pad + code + insn(0xb7) * 12 + insn(0x95)
    if code[0] == 0x85 and code[1] >> 4 == 1:
        program += insn(0xb7) * 8 + insn(0x95)
    fd, _, log = load(program)
    close(fd)
    for pattern in (r'^ *4: [.0-9]{10} (\(..\) .*)$', r'^4: (\(..\) .*?)(?: +;.*)?$'):
        m = re.search(pattern, log, re.M)
        if m:
            return m[1]
    return None


def objdump(hexes, *args):
    with tempfile.TemporaryDirectory() as tmp:
        with open(f'{tmp}/a.s', 'w') as f:
            f.write('.text\nfoo:\n')
            for h in hexes:
                f.write('.byte ' + ','.join('0x' + h[i:i + 2] for i in range(0, len(h), 2)) + '\n')
        subprocess.check_call(['clang-19', '-target', 'bpf', '-c', f'{tmp}/a.s', '-o', f'{tmp}/a.o'])
        text = subprocess.check_output(['llvm-objdump-19', '-d', *args, f'{tmp}/a.o'], text=True)
    out = []
    for line in text.split('\n'):
        m = re.match(r'^ *[0-9a-f]+:\t((?:[0-9a-f]{2} ?)+)\t(.*)$', line)
        if m:
            out.append((m[1].replace(' ', ''), re.sub(r' <[^<>]*\+0x[0-9a-f]+>$', '', m[2]).replace('\t', ' ')))
    return [(h, t) for h, t in out if t != '<unknown>']


def structure(hexes):
    fd, _, log = load(bytes.fromhex(hexes), level=1)
    close(fd)
    if fd >= 0:
        return 'ok'
    lines = [line for line in log.split('\n') if line and not line.startswith('processed')]
    return lines[-1] if lines else ''


ALU64 = [0x0f, 0x1f, 0x2f, 0x3f, 0x4f, 0x5f, 0x6f, 0x7f, 0x9f, 0xaf, 0xcf]
JMP = [0x1d, 0x2d, 0x3d, 0x4d, 0x5d, 0x6d, 0x7d, 0xad, 0xbd, 0xcd, 0xdd]
INTERESTING = [0, 1, -1, 2, 0x7fffffff, -0x80000000, 0xff, 31, 32, 63, 0x8000]


def alu_program(rnd):
    """Straight-line arithmetic, byte swaps, stack accesses and forward jumps over all registers, folded into r0."""
    def word():
        return rnd.choice(INTERESTING) if rnd.random() < 0.4 else rnd.randrange(-2**31, 2**31)
    p = b''
    for r in range(10):
        p += insn(0x18, r, 0, 0, word()) + insn(0, imm=word())
    for k in range(4):
        p += insn(0x7b, 10, rnd.randrange(10), -8 * (k + 1))
    jumps = 5
    for _ in range(28):
        d, s, kind = rnd.randrange(10), rnd.randrange(10), rnd.random()
        slot = -8 * rnd.randrange(1, 5)
        narrow = rnd.choice((0, 3))
        if kind < 0.45:
            op = rnd.choice(ALU64)
            signed = 1 if op in (0x3f, 0x9f) and rnd.random() < 0.5 else 0
            if rnd.random() < 0.5:
                p += insn(op - narrow, d, s, signed)
            else:
                imm = word()
                if op in (0x6f, 0x7f, 0xcf):
                    imm = rnd.randrange(32 if narrow else 64)
                p += insn(op - narrow & ~8, d, 0, signed, imm or (1 if op in (0x3f, 0x9f) else 0))
        elif kind < 0.52:
            p += insn(0x87 - narrow, d)
        elif kind < 0.6:
            p += insn(rnd.choice((0xd4, 0xdc, 0xd7)), d, 0, 0, rnd.choice((16, 32, 64)))
        elif kind < 0.68:
            p += insn(0xbf - narrow, d, s, rnd.choice((0, 8, 16) if narrow else (0, 8, 16, 32)))
        elif kind < 0.76:
            p += insn(rnd.choice((0x63, 0x6b, 0x73, 0x7b)), 10, s, slot)
        elif kind < 0.86:
            p += insn(rnd.choice((0x61, 0x69, 0x71, 0x79, 0x81, 0x89, 0x91)), d, 10, slot)
        elif kind < 0.94:
            imm = rnd.choice((0, 0x40, 0x50, 0xa0, 0x01, 0x41, 0x51, 0xa1, 0xe1, 0xf1))
            p += insn(rnd.choice((0xc3, 0xdb)), 10, s, slot, imm)
        elif jumps:
            jumps -= 1
            op = rnd.choice(JMP) + rnd.randrange(2)
            p += insn(op, d, s, 1) if rnd.random() < 0.5 else insn(op & ~8, d, 0, 1, word())
            p += insn(0x07, rnd.randrange(10), 0, 0, word())
    for r in range(1, 10):
        p += insn(0x27, 0, 0, 0, 31) + insn(0x0f, 0, r)
    p += insn(0xbf, 1, 0) + insn(0x77, 1, 0, 0, 32) + insn(0xaf, 0, 1) + insn(0x95)
    return p


def main():
    pairs = [(h, log_text(h)) for h in rows('kernel-log.tsv')]
    write('kernel-log.tsv', 'instruction, verifier log of Linux 6.18', [x for x in pairs if x[1]])
    for name, args in (('objdump.tsv', []), ('objdump-v4.tsv', ['--mcpu=v4'])):
        write(name, f'instruction, llvm-objdump-19 -d {" ".join(args)}'.rstrip(), objdump(rows(name), *args))
    write('structure.tsv', 'program, verdict of Linux 6.18', [(h, structure(h)) for h in rows('structure.tsv')])
    rnd = random.Random(6189669)
    out = []
    while len(out) < 150:
        p = alu_program(rnd)
        fd, _, log = load(p, level=1)
        if fd < 0:
            continue
        out.append((p.hex(), '0x%x' % run(fd)))
        close(fd)
    write('alu.tsv', 'program, r0 of PROG_TEST_RUN on Linux 6.18', out)


if __name__ == '__main__':
    main()

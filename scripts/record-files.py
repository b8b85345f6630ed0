"""Asks the running kernel for calls on BPF file systems: record-files.py STEPS ANSWERS (x86_64, root, an empty /sys/fs/bpf).

STEPS is a JSON array of [call, uid, words...], as test/kernel/bpffs/file-steps.ts makes them; ANSWERS gets one line of JSON a step:
0 or -errno, [mode, nlink] of stat, names of readdir."""
import ctypes, errno, json, os, struct, sys

libc = ctypes.CDLL(None, use_errno=True)


def bpf(cmd, attr):
    buf = ctypes.create_string_buffer(attr.ljust(168, b'\0'), 168)
    result = libc.syscall(321, cmd, buf, 168)
    return result if result >= 0 else -ctypes.get_errno()


def pointer(data):
    buf = ctypes.create_string_buffer(data)
    kept.append(buf)
    return ctypes.addressof(buf)


kept = []
RETURN_0 = struct.pack('<BBhi', 0xb7, 0, 0, 0) + struct.pack('<BBhi', 0x95, 0, 0, 0)
BTF = struct.pack('<HBBIIIII', 0xeb9f, 1, 0, 24, 0, 16, 16, 3) + struct.pack('<IIII', 1, 1 << 24, 4, 32) + b'\0a\0'


def load(prog_type):
    return bpf(5, struct.pack('<IIQQ', prog_type, 2, pointer(RETURN_0), pointer(b'GPL')))


OBJECTS = {
    'map': bpf(0, struct.pack('<IIIII', 1, 4, 8, 4, 0)),
    'rdonly': bpf(0, struct.pack('<IIIII', 1, 4, 8, 4, 8)),
    'prog': load(6),
    'link': bpf(17, struct.pack('<QII', pointer(b'sys_enter'), load(17), 0)),
    'btf': bpf(18, struct.pack('<QQII', pointer(BTF), 0, len(BTF), 0)),
    'directory': os.open('/sys/fs/bpf', os.O_RDONLY | os.O_DIRECTORY),
    'closed': 9999,
    'stdin': 0,
}
assert all(fd >= 0 for fd in OBJECTS.values()), OBJECTS


def call(name, *words):
    if name == 'pin':
        return bpf(6, struct.pack('<QI', pointer(words[0].encode()), OBJECTS[words[1]]))
    if name == 'get':
        fd = bpf(7, struct.pack('<QII', pointer(words[0].encode()), 0, words[1]))
        if fd < 0:
            return fd
        os.close(fd)
        return 0
    if name == 'stat':
        found = os.stat(words[0])
        return [found.st_mode, found.st_nlink]
    if name == 'readdir':
        return sorted(os.listdir(words[0]))
    getattr(os, name)(*words)
    return 0


def answer(name, uid, *words):
    os.seteuid(uid)
    try:
        return call(name, *words)
    except OSError as error:
        return -error.errno
    finally:
        os.seteuid(0)
        kept.clear()


os.umask(0o022)
with open(sys.argv[1]) as steps, open(sys.argv[2], 'w') as out:
    out.write('[\n' + ',\n'.join(json.dumps(answer(*step), separators=(',', ':')) for step in json.load(steps)) + '\n]\n')

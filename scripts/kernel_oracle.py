"""Asks the running Linux kernel through bpf(2): loads raw instructions and runs them with PROG_TEST_RUN (x86_64, root)."""
import ctypes, errno, os, struct

_libc = ctypes.CDLL(None, use_errno=True)
_SYS_BPF = 321
PROG_LOAD, PROG_TEST_RUN = 5, 10
SOCKET_FILTER, XDP = 1, 6


def _bpf(cmd, attr):
    buf = ctypes.create_string_buffer(attr, len(attr))
    fd = _libc.syscall(_SYS_BPF, cmd, buf, len(attr))
    return (fd, 0, buf) if fd >= 0 else (-1, ctypes.get_errno(), buf)


def insn(code, dst=0, src=0, off=0, imm=0):
    imm &= 0xffffffff
    return struct.pack('<BBhI', code, dst | src << 4, off, imm)


def load(insns, prog_type=SOCKET_FILTER, level=2, license=b'GPL'):
    """Returns (fd or -1, errno, log)."""
    code = ctypes.create_string_buffer(insns, len(insns))
    lic = ctypes.create_string_buffer(license)
    log = ctypes.create_string_buffer(1 << 20)
    attr = struct.pack('<IIQQIIQII16s', prog_type, len(insns) // 8, ctypes.addressof(code), ctypes.addressof(lic),
                       level, len(log) if level else 0, ctypes.addressof(log) if level else 0, 0, 0, b'')
    fd, err, _ = _bpf(PROG_LOAD, attr)
    return fd, err, log.value.decode('latin1')


def run(fd, data=bytes(64)):
    """Returns the 32-bit return value of one test run."""
    src = ctypes.create_string_buffer(data, len(data))
    attr = struct.pack('<IIIIQQII', fd, 0, len(data), 0, ctypes.addressof(src), 0, 1, 0)
    ret, err, buf = _bpf(PROG_TEST_RUN, attr)
    if ret < 0:
        raise OSError(err, errno.errorcode.get(err, ''))
    return struct.unpack_from('<I', buf, 4)[0]


def close(fd):
    if fd >= 0:
        os.close(fd)

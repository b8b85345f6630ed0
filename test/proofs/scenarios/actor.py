"""A process of the scenarios: it does what lines of its standard input say, and answers each with a line (actor.ts)."""
import ctypes
import json
import mmap
import os
import signal
import sys
import threading

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.syscall.argtypes = [ctypes.c_long, ctypes.c_ulong, ctypes.c_ulong]
SYS_ACCESS = 21
FIXED = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x10


def place(at, text, pages, read_only):
    size = 4096 * pages
    where = libc.mmap(at, size, mmap.PROT_READ | mmap.PROT_WRITE, FIXED, -1, 0)
    data = text.encode()
    ctypes.memmove(where, data, len(data))
    if read_only:
        libc.mprotect(ctypes.c_void_p(where), size, mmap.PROT_READ)


def pending():
    return sorted(int(s) for s in signal.sigpending())


def in_thread(do):
    out = []
    thread = threading.Thread(target=lambda: out.append(do()))
    thread.start()
    thread.join()
    return out[0]


def act(q):
    what = q["what"]
    if what == "map":
        place(q["at"], q["text"], q["pages"], q["readOnly"])
    elif what == "unmap":
        libc.munmap(ctypes.c_void_p(q["at"]), 4096 * q["pages"])
    elif what == "access":
        def call():
            libc.syscall(SYS_ACCESS, q["at"], q["mode"])
            return pending()
        return in_thread(call) if q["thread"] else call()
    elif what == "read":
        return ctypes.string_at(q["at"], q["size"]).decode()
    elif what == "pending":
        return pending()
    elif what == "take":
        return signal.sigwait([n for n in range(1, 65) if n not in (9, 19, 32, 33)]) if pending() else 0
    elif what == "pid":
        # The number in the namespace that /proc was mounted in.
        return int(os.readlink("/proc/self"))
    elif what == "namespace":
        at = os.stat("/proc/self/ns/" + q["name"])
        return [at.st_dev, at.st_ino]
    elif what == "cgroup":
        with open(q["path"] + "/cgroup.procs", "w") as f:
            f.write(str(os.getpid()))
    else:
        raise ValueError(what)
    return "done"


def begin(spec):
    signal.pthread_sigmask(signal.SIG_SETMASK, spec["blocked"])
    uid, gid = spec["uid"], spec["gid"]
    if uid or gid:
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        # PR_SET_DUMPABLE: what changes its ids cannot write its maps otherwise.
        libc.prctl(4, 1, 0, 0, 0)
    if "user" in spec["namespaces"]:
        libc.unshare(0x10000000)
        for name, text in ("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1"):
            with open("/proc/self/" + name, "w") as f:
                f.write(text)
    if "pid" in spec["namespaces"]:
        libc.unshare(0x20000000)
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            os._exit(0)


with open(sys.argv[2]) as asked, open(sys.argv[3], "w") as told:
    begin(json.loads(sys.argv[1]))
    for line in asked:
        told.write(json.dumps(act(json.loads(line))) + "\n")
        told.flush()

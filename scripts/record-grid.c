/* Asks the running kernel a grid of bpf(2) calls: record-grid SCRIPT ANSWERS BTF_ID... (x86_64, root, an empty /sys/fs/bpf).

   SCRIPT is what test/kernel/syscall/command-grid.test.ts writes: the arena's contents, steps that open descriptors in order, calls.
   ANSWERS gets a 32-bit word a call: 1 for a descriptor, which is closed, another result, or -errno. The BTF ids are those of the names
   that the script's places stand for, in their order. Build: cc -O2 -static -o record-grid scripts/record-grid.c */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARENA ((uint8_t *)0x10000000)
#define ARENA_SIZE 65536
#define SIZE_MAX_ATTR 8192

enum step { STEP_BPF, STEP_DIRECTORY, STEP_KPROBE, STEP_TRACEPOINT };
enum place { PLACE_ID, PLACE_PID, PLACE_BTF };

static const uint8_t *script;
static int btf_count;
static char **btf_ids;

static uint32_t word(void)
{
	uint32_t value;

	memcpy(&value, script, 4);
	script += 4;
	return value;
}

static long bpf(int cmd, void *attr, unsigned size)
{
	long result = syscall(SYS_bpf, cmd, attr, size);

	return result < 0 ? -errno : result;
}

static void fail(const char *what, long how)
{
	fprintf(stderr, "%s: %ld\n", what, how);
	exit(1);
}

/* Ids stand in the second word of what is told of an object, of BTF in the fourth. */
static uint32_t id_of(int fd)
{
	uint32_t info[64] = {};
	struct { uint32_t fd, size; uint64_t at; } attr = { fd, sizeof(info), (uintptr_t)info };
	char path[64], link[64] = {};

	if (bpf(15, &attr, sizeof(attr)) < 0)
		fail("info", fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (readlink(path, link, sizeof(link) - 1) < 0)
		fail("link", fd);
	return info[strstr(link, "btf") ? 3 : 1];
}

static void put_places(uint8_t *attr)
{
	for (uint32_t n = word(); n > 0; n--) {
		uint32_t off = word(), kind = word(), arg = word();
		uint32_t value = kind == PLACE_ID ? id_of(arg) : kind == PLACE_PID ? (uint32_t)getpid() :
			(arg < (uint32_t)btf_count ? strtoul(btf_ids[arg], NULL, 0) : 0);

		memcpy(attr + off, &value, 4);
	}
}

static int perf_event(const char *probe, uint64_t id)
{
	struct perf_event_attr attr = { .size = sizeof(attr), .type = id ? PERF_TYPE_TRACEPOINT : 8, .config = id };

	attr.config1 = (uintptr_t)probe;
	return syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
}

static uint64_t event_id(const char *path)
{
	char text[32] = {};
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		fail(path, errno);
	close(fd);
	return strtoull(text, NULL, 10);
}

static void step(void)
{
	static uint8_t attr[SIZE_MAX_ATTR];
	uint32_t kind = word(), cmd = word(), size = word();
	long fd;

	memset(attr, 0, sizeof(attr));
	memcpy(attr, script, size);
	script += size;
	put_places(attr);
	memcpy(ARENA, script, 0);
	switch (kind) {
	case STEP_BPF:
		fd = bpf(cmd, attr, size);
		break;
	case STEP_DIRECTORY:
		mkdir((char *)attr, 0755);
		fd = open((char *)attr, O_RDONLY | O_DIRECTORY);
		break;
	case STEP_KPROBE:
		fd = perf_event((char *)attr, 0);
		break;
	default:
		fd = perf_event(NULL, event_id((char *)attr));
	}
	if (fd < 0)
		fail("step", fd);
}

/* The four capabilities that bpf(2) asks for, of those that the process has: bit by bit of `set`. */
static void take_caps(uint32_t set)
{
	static const int caps[] = { CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, CAP_SYS_ADMIN };
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		fail("capget", errno);
	for (int i = 0; i < 4; i++) {
		uint32_t bit = 1u << (caps[i] % 32), *effective = &data[caps[i] / 32].effective;

		*effective = set & (1 << i) ? *effective | bit : *effective & ~bit;
	}
	if (syscall(SYS_capset, &head, data))
		fail("capset", errno);
}

static int opens(uint32_t cmd)
{
	static const int cmds[] = { 0, 5, 7, 13, 14, 17, 18, 19, 28, 30, 32, 33, 36 };

	for (unsigned i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++)
		if ((uint32_t)cmds[i] == cmd)
			return 1;
	return 0;
}

static int32_t call(const uint8_t *image)
{
	static uint8_t attr[SIZE_MAX_ATTR];
	static const char *const files[] = {
		"/sys/fs/bpf/grid/new", "/sys/fs/bpf/grid/none", "/sys/fs/bpf/new", "/sys/fs/bpf/map",
	};
	uint32_t cmd = word(), caps = word(), size = word(), stored = word();
	uint32_t target[8];
	long result;

	memset(attr, 0, sizeof(attr));
	memcpy(attr, script, stored);
	script += stored;
	put_places(attr);
	memcpy(target, attr, sizeof(target));
	memcpy(ARENA, image, ARENA_SIZE);
	take_caps(caps);
	result = bpf(cmd, attr, size);
	take_caps(15);
	if (result >= 0 && opens(cmd)) {
		close(result);
		return 1;
	}
	/* What was attached goes again, and so does the file of a pin. */
	if (result == 0 && cmd == 8) {
		uint32_t detach[8] = { target[0], target[1], target[2] };

		if (bpf(9, detach, sizeof(detach)) < 0)
			fail("detach", cmd);
	}
	if (result == 0 && cmd == 6)
		for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++)
			unlink(files[i]);
	return result;
}

int main(int argc, char **argv)
{
	int in = open(argv[1], O_RDONLY), out = open(argv[2], O_CREAT | O_TRUNC | O_WRONLY, 0644);
	struct stat stat;
	static uint8_t image[ARENA_SIZE];

	if (argc < 3 || in < 0 || out < 0 || fstat(in, &stat))
		fail("usage: record-grid SCRIPT ANSWERS BTF_ID...", errno);
	btf_count = argc - 3;
	btf_ids = argv + 3;
	script = mmap(NULL, stat.st_size, PROT_READ, MAP_PRIVATE, in, 0);
	if (mmap(ARENA, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != ARENA)
		fail("mmap", errno);
	/* Descriptors count from 3 on. */
	if (dup2(out, 1000) != 1000)
		fail("dup2", errno);
	syscall(SYS_close_range, 3, 999, 0);
	syscall(SYS_close_range, 1001, ~0u, 0);
	memcpy(image, script, ARENA_SIZE);
	memcpy(ARENA, image, ARENA_SIZE);
	script += ARENA_SIZE;
	for (uint32_t n = word(); n > 0; n--)
		step();
	for (uint32_t n = word(); n > 0; n--) {
		int32_t answer = call(image);

		if (write(1000, &answer, 4) != 4)
			fail("write", errno);
	}
	return 0;
}

/* Files that live shortly: the time from their making to their end. */
#include "tool.h"
struct qstr { const unsigned char *name; } KERNEL_STRUCT;
struct dentry { struct qstr d_name; } KERNEL_STRUCT;
struct inode;
struct event { __u32 pid; __u64 lived_ns; char name[32]; };
HASH(births, __u64, __u64);
RING(events);

SEC("kprobe/vfs_create")
int BPF_KPROBE(on_create, void *idmap, struct inode *dir, struct dentry *dentry)
{
	__u64 key = (__u64)dentry, now = bpf_ktime_get_ns();

	bpf_map_update_elem(&births, &key, &now, BPF_ANY);
	return 0;
}

SEC("kprobe/vfs_unlink")
int BPF_KPROBE(on_unlink, void *idmap, struct inode *dir, struct dentry *dentry)
{
	__u64 key = (__u64)dentry, *born = bpf_map_lookup_elem(&births, &key);
	struct event *e;

	if (!born)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (e) {
		e->pid = current_pid();
		e->lived_ns = bpf_ktime_get_ns() - *born;
		bpf_probe_read_kernel_str(e->name, sizeof(e->name), BPF_CORE_READ(dentry, d_name.name));
		bpf_ringbuf_submit(e, 0);
	}
	bpf_map_delete_elem(&births, &key);
	return 0;
}

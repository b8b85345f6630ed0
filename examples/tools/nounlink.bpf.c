/* A policy: files whose name begins with `keep` are not removed. */
#include "tool.h"
struct qstr { const unsigned char *name; } KERNEL_STRUCT;
struct dentry { struct qstr d_name; } KERNEL_STRUCT;
struct inode;
struct event { __u32 pid, refused; char name[32]; };
RING(events);

SEC("lsm/inode_unlink")
int BPF_PROG(on_unlink, struct inode *dir, struct dentry *dentry, int ret)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	__u32 refused;

	if (!e)
		return ret;
	e->pid = current_pid();
	bpf_probe_read_kernel_str(e->name, sizeof(e->name), dentry->d_name.name);
	refused = e->name[0] == 'k' && e->name[1] == 'e' && e->name[2] == 'e' && e->name[3] == 'p';
	e->refused = refused;
	bpf_ringbuf_submit(e, 0);
	return refused ? -1 : ret;
}

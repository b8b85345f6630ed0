/* SPDX-License-Identifier: Apache-2.0 */
/* The helpers that the benchmark programs use, as ordinary functions of this machine; map definitions keep their shape. */
#pragma once

#define SEC(name)
#define __uint(name, val) int (*name)[val]
#define __type(name, val) __typeof__(val) *name

enum {
	BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2, BPF_MAP_TYPE_PERCPU_HASH = 5, BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9, BPF_MAP_TYPE_LRU_PERCPU_HASH = 10,
	BPF_MAP_TYPE_LPM_TRIE = 11, BPF_MAP_TYPE_RINGBUF = 27,
};
#define BPF_ANY 0
#define BPF_F_NO_PREALLOC 1
#define BPF_RB_NO_WAKEUP 1

struct xdp_md { u64 data, data_end; };
struct map;

/* The first member of a map's definition is only there for its type: it holds the storage instead. */
struct map *native_map(void **def, u32 type, u32 max_entries, u32 key_size, u32 value_size);
void *native_lookup(struct map *m, const void *key);
long native_update(struct map *m, const void *key, const void *value);
void *native_reserve(struct map *m, u32 size);
long native_output(struct map *m, const void *data, u32 size);
long native_loop(u32 n, void *callback, void *ctx);
long native_csum_diff(const void *from, u32 from_size, const void *to, u32 to_size, u32 seed);
long native_strncmp(const char *a, u32 n, const char *b);

#define COUNT(m, field) (sizeof(*(m)->field) / sizeof(int))
#define MAP(m) (*(struct map **)(m) ?: native_map((void **)(m), COUNT(m, type), COUNT(m, max_entries), sizeof(*(m)->key), sizeof(*(m)->value)))
#define RING(m) (*(struct map **)(m) ?: native_map((void **)(m), COUNT(m, type), COUNT(m, max_entries), 0, 0))
#define bpf_map_lookup_elem(m, key) native_lookup(MAP(m), key)
#define bpf_map_update_elem(m, key, value, flags) native_update(MAP(m), key, value)
#define bpf_ringbuf_reserve(m, size, flags) native_reserve(RING(m), size)
#define bpf_ringbuf_submit(record, flags) ((void)(record))
#define bpf_ringbuf_output(m, data, size, flags) native_output(RING(m), data, size)
#define bpf_loop(n, fn, ctx, flags) native_loop(n, (void *)(fn), ctx)
#define bpf_csum_diff native_csum_diff
#define bpf_strncmp native_strncmp

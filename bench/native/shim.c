/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers of the native runs: a chained hash map, arrays, a prefix trie of bits, and a ring that forgets. One thread. */
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
#include "shim.h"

struct elem { struct elem *next; u8 data[]; };
struct node { struct node *child[2]; u8 *value; };
struct map {
	u32 type, max_entries, key_size, value_size, count, mask, stride;
	struct elem **buckets;
	u8 *values;
	struct node *root;
	u64 produced;
};

struct map *native_map(void **def, u32 type, u32 max_entries, u32 key_size, u32 value_size)
{
	struct map *m = calloc(1, sizeof(*m));

	*m = (struct map){ .type = type, .max_entries = max_entries, .key_size = key_size, .value_size = value_size };
	m->stride = (value_size + 7) & ~7u;
	if (type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY)
		m->values = calloc(max_entries, m->stride);
	else if (type == BPF_MAP_TYPE_LPM_TRIE)
		m->root = calloc(1, sizeof(struct node));
	else if (type == BPF_MAP_TYPE_RINGBUF)
		m->values = calloc(1, max_entries + 4096);
	else {
		for (m->mask = 1; m->mask < max_entries; m->mask <<= 1)
			;
		m->buckets = calloc(m->mask--, sizeof(*m->buckets));
	}
	*def = m;
	return m;
}

static u32 hash(const void *key, u32 size)
{
	u64 h = 0x9e3779b97f4a7c15ull ^ size, w;
	const u8 *p = key;

	for (; size >= 8; size -= 8, p += 8) {
		memcpy(&w, p, 8);
		h = (h ^ w) * 0xff51afd7ed558ccdull;
		h ^= h >> 32;
	}
	for (; size; size--, p++)
		h = (h ^ *p) * 0x100000001b3ull;
	return h ^ (h >> 29);
}

static struct elem *find(struct map *m, const void *key, u32 bucket)
{
	struct elem *e = m->buckets[bucket];

	while (e && memcmp(e->data, key, m->key_size))
		e = e->next;
	return e;
}

static void *trie_lookup(struct map *m, const u8 *key)
{
	u32 len = *(u32 *)key;
	void *best = NULL;
	struct node *n = m->root;

	for (u32 i = 0; n; i++) {
		if (n->value)
			best = n->value;
		if (i == len)
			break;
		n = n->child[key[4 + i / 8] >> (7 - i % 8) & 1];
	}
	return best;
}

void *native_lookup(struct map *m, const void *key)
{
	u32 index;
	struct elem *e;

	switch (m->type) {
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		index = *(u32 *)key;
		return index < m->max_entries ? m->values + index * m->stride : NULL;
	case BPF_MAP_TYPE_LPM_TRIE:
		return trie_lookup(m, key);
	default:
		e = find(m, key, hash(key, m->key_size) & m->mask);
		return e ? e->data + ((m->key_size + 7) & ~7u) : NULL;
	}
}

long native_update(struct map *m, const void *key, const void *value)
{
	if (m->type == BPF_MAP_TYPE_LPM_TRIE) {
		const u8 *k = key;
		struct node *n = m->root;

		for (u32 i = 0; i < *(u32 *)k; i++) {
			struct node **next = &n->child[k[4 + i / 8] >> (7 - i % 8) & 1];
			n = *next ?: (*next = calloc(1, sizeof(*n)));
		}
		if (!n->value)
			n->value = malloc(m->stride);
		memcpy(n->value, value, m->value_size);
		return 0;
	}
	u32 bucket = hash(key, m->key_size) & m->mask;
	u32 value_off = (m->key_size + 7) & ~7u;
	struct elem *e = find(m, key, bucket);

	if (!e) {
		if (m->count == m->max_entries && m->type != BPF_MAP_TYPE_LRU_HASH && m->type != BPF_MAP_TYPE_LRU_PERCPU_HASH)
			return -7;
		m->count++;
		e = malloc(sizeof(*e) + value_off + m->stride);
		memcpy(e->data, key, m->key_size);
		e->next = m->buckets[bucket];
		m->buckets[bucket] = e;
	}
	memcpy(e->data + value_off, value, m->value_size);
	return 0;
}

void *native_reserve(struct map *m, u32 size)
{
	u8 *record = m->values + (m->produced & (m->max_entries - 1));

	m->produced += (size + 15) & ~7u;
	*(u32 *)record = size;
	return record + 8;
}

long native_output(struct map *m, const void *data, u32 size)
{
	memcpy(native_reserve(m, size), data, size);
	return 0;
}

long native_loop(u32 n, void *callback, void *ctx)
{
	long (*fn)(u32, void *) = callback;
	u32 i = 0;

	while (i < n)
		if (fn(i++, ctx))
			break;
	return i;
}

static u32 fold(u64 x) { x = (x & 0xffffffff) + (x >> 32); return (x & 0xffffffff) + (x >> 32); }

static u64 words(const u8 *p, u32 n)
{
	u64 sum = 0;

	for (; n; n -= 4, p += 4)
		sum += *(u32 *)p;
	return sum;
}

long native_csum_diff(const void *from, u32 from_size, const void *to, u32 to_size, u32 seed)
{
	u32 removed = fold(words(from, from_size)), added = fold(words(to, to_size));
	u32 x = fold((u64)seed + added + (u32)~removed);

	/* As the kernel gives it: folded to 16 bits. */
	x = (x & 0xffff) + (x >> 16);
	return (x & 0xffff) + (x >> 16);
}

long native_strncmp(const char *a, u32 n, const char *b)
{
	return strncmp(a, b, n);
}

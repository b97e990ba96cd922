/* SPDX-License-Identifier: Apache-2.0 */
#include "base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MIN 16

static void put(void **ptr, uint32_t *hash, uint32_t mask, uint32_t h, void *p)
{
	uint32_t at = h & mask;

	while (ptr[at])
		at = (at + 1) & mask;
	ptr[at] = p;
	hash[at] = h;
}

/* At most three quarters full. */
static bool is_full(uint32_t size, uint64_t n)
{
	return n * 4 > (uint64_t)size * 3;
}

int wd_table_reserve(struct wd_table *t, uint32_t n)
{
	uint32_t size = t->size ? t->size : SIZE_MIN, *hash;
	void **ptr;

	while (is_full(size, (uint64_t)t->n + n)) {
		if (size > UINT32_MAX / 4)
			return -ENOMEM;
		size *= 2;
	}
	if (size == t->size)
		return 0;
	ptr = calloc(size, sizeof(*ptr));
	hash = malloc(size * sizeof(*hash));
	if (!ptr || !hash) {
		free(ptr);
		free(hash);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < t->size; i++)
		if (t->ptr[i])
			put(ptr, hash, size - 1, t->hash[i], t->ptr[i]);
	free(t->ptr);
	free(t->hash);
	t->ptr = ptr;
	t->hash = hash;
	t->size = size;
	return 0;
}

int wd_table_add(struct wd_table *t, uint32_t hash, void *p)
{
	int r = wd_table_reserve(t, 1);

	if (r < 0)
		return r;
	put(t->ptr, t->hash, t->size - 1, hash, p);
	t->n++;
	return 0;
}

/* Moves back what stands behind a gap, if a search would not find it there any more. */
static void close_gap(struct wd_table *t, uint32_t gap)
{
	uint32_t mask = t->size - 1, at = gap;

	for (;;) {
		uint32_t home;

		at = (at + 1) & mask;
		if (!t->ptr[at])
			break;
		home = t->hash[at] & mask;
		/* it may stay if its home lies behind the gap and not behind itself */
		if (((at - home) & mask) < ((at - gap) & mask))
			continue;
		t->ptr[gap] = t->ptr[at];
		t->hash[gap] = t->hash[at];
		gap = at;
	}
	t->ptr[gap] = NULL;
}

bool wd_table_remove(struct wd_table *t, uint32_t hash, const void *p)
{
	uint32_t mask = t->size - 1;

	if (!t->size)
		return false;
	for (uint32_t at = hash & mask; t->ptr[at]; at = (at + 1) & mask) {
		if (t->ptr[at] != p || t->hash[at] != hash)
			continue;
		close_gap(t, at);
		t->n--;
		return true;
	}
	return false;
}

void wd_table_release(struct wd_table *t)
{
	free(t->ptr);
	free(t->hash);
	memset(t, 0, sizeof(*t));
}

struct wd_table_walk wd_table_find(const struct wd_table *t, uint32_t hash)
{
	return (struct wd_table_walk){hash, t->size ? hash & (t->size - 1) : 0, t->size};
}

void *wd_table_next(const struct wd_table *t, struct wd_table_walk *w)
{
	while (w->left && t->ptr[w->at]) {
		uint32_t at = w->at;

		w->at = (w->at + 1) & (t->size - 1);
		w->left--;
		if (t->hash[at] == w->hash)
			return t->ptr[at];
	}
	return NULL;
}

void *wd_table_each(const struct wd_table *t, uint32_t *at)
{
	while (*at < t->size) {
		void *p = t->ptr[(*at)++];

		if (p)
			return p;
	}
	return NULL;
}

/* FNV-1a over the seed and the bytes, finished as MurmurHash3 does (both in the public domain). */
uint32_t wd_hash(const void *bytes, size_t n, uint64_t seed)
{
	const uint8_t *b = bytes;
	uint64_t h = 0xcbf29ce484222325ull ^ seed;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3ull;
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdull;
	h ^= h >> 33;
	return (uint32_t)h;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/lru.h"

#include <errno.h>
#include <stdlib.h>

struct wd_lru_link {
	uint64_t hash;
	uint32_t chain; /* next of the same bucket, or of the unused */
	uint32_t newer, older;
};

/* Finalizer of MurmurHash3: owners may hand in plain ids. */
static uint32_t bucket_of(const struct wd_lru *l, uint64_t hash)
{
	hash ^= hash >> 33;
	hash *= 0xff51afd7ed558ccdull;
	hash ^= hash >> 33;
	return (uint32_t)hash & l->mask;
}

int wd_lru_init(struct wd_lru *l, uint32_t cap)
{
	uint32_t buckets = 1;

	*l = (struct wd_lru){0};
	if (cap == 0 || cap > WD_LRU_CAP_MAX)
		return -EINVAL;
	while (buckets < cap)
		buckets *= 2;
	l->links = malloc(cap * sizeof(*l->links));
	l->heads = malloc(buckets * sizeof(*l->heads));
	if (!l->links || !l->heads) {
		wd_lru_release(l);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < buckets; i++)
		l->heads[i] = WD_LRU_NONE;
	for (uint32_t i = 0; i < cap; i++)
		l->links[i].chain = i + 1 < cap ? i + 1 : WD_LRU_NONE;
	l->mask = buckets - 1;
	l->cap = cap;
	l->newest = WD_LRU_NONE;
	l->oldest = WD_LRU_NONE;
	return 0;
}

void wd_lru_release(struct wd_lru *l)
{
	free(l->links);
	free(l->heads);
	*l = (struct wd_lru){0};
}

static uint32_t same_hash(const struct wd_lru *l, uint32_t slot, uint64_t hash)
{
	while (slot != WD_LRU_NONE && l->links[slot].hash != hash)
		slot = l->links[slot].chain;
	return slot;
}

uint32_t wd_lru_first(const struct wd_lru *l, uint64_t hash)
{
	return same_hash(l, l->heads[bucket_of(l, hash)], hash);
}

uint32_t wd_lru_next(const struct wd_lru *l, uint32_t slot)
{
	return same_hash(l, l->links[slot].chain, l->links[slot].hash);
}

uint32_t wd_lru_victim(const struct wd_lru *l)
{
	return l->free == WD_LRU_NONE ? l->oldest : WD_LRU_NONE;
}

static void age_unlink(struct wd_lru *l, uint32_t slot)
{
	struct wd_lru_link *k = &l->links[slot];

	*(k->newer == WD_LRU_NONE ? &l->newest : &l->links[k->newer].older) = k->older;
	*(k->older == WD_LRU_NONE ? &l->oldest : &l->links[k->older].newer) = k->newer;
}

static void age_push(struct wd_lru *l, uint32_t slot)
{
	l->links[slot].newer = WD_LRU_NONE;
	l->links[slot].older = l->newest;
	*(l->newest == WD_LRU_NONE ? &l->oldest : &l->links[l->newest].newer) = slot;
	l->newest = slot;
}

uint32_t wd_lru_insert(struct wd_lru *l, uint64_t hash)
{
	uint32_t slot, *head;

	if (l->free == WD_LRU_NONE)
		wd_lru_remove(l, l->oldest);
	slot = l->free;
	l->free = l->links[slot].chain;
	head = &l->heads[bucket_of(l, hash)];
	l->links[slot].hash = hash;
	l->links[slot].chain = *head;
	*head = slot;
	age_push(l, slot);
	l->used++;
	return slot;
}

void wd_lru_touch(struct wd_lru *l, uint32_t slot)
{
	if (l->newest == slot)
		return;
	age_unlink(l, slot);
	age_push(l, slot);
}

void wd_lru_remove(struct wd_lru *l, uint32_t slot)
{
	uint32_t *at = &l->heads[bucket_of(l, l->links[slot].hash)];

	while (*at != slot)
		at = &l->links[*at].chain;
	*at = l->links[slot].chain;
	age_unlink(l, slot);
	l->links[slot].chain = l->free;
	l->free = slot;
	l->used--;
}

uint32_t wd_lru_older(const struct wd_lru *l, uint32_t slot)
{
	return l->links[slot].older;
}

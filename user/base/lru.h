/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of a table with a cap: hash to slot, and which slot was not used for longest.
 *
 * It holds no entries: the owner keeps an array of `cap` of them and is told slot numbers, so
 * that one piece of code serves every kind of entry. Different entries may share a hash: walk
 * wd_lru_first(), wd_lru_next() and compare. When all slots are in use, an insert takes the one
 * that wd_lru_victim() names; the owner looks at it first when it matters what is lost.
 */
#ifndef WD_BASE_LRU_H
#define WD_BASE_LRU_H

#include <stdint.h>

#define WD_LRU_NONE    UINT32_MAX
#define WD_LRU_CAP_MAX (1u << 24)

struct wd_lru_link;

struct wd_lru {
	struct wd_lru_link *links;
	uint32_t *heads;
	uint32_t mask;
	uint32_t cap, used;
	uint32_t free; /* first of the unused slots */
	uint32_t newest, oldest;
};

/* cap 1..WD_LRU_CAP_MAX, else -EINVAL; -ENOMEM. */
int wd_lru_init(struct wd_lru *l, uint32_t cap);
void wd_lru_release(struct wd_lru *l);

/* Slots with that hash, one after the other; WD_LRU_NONE at the end. */
uint32_t wd_lru_first(const struct wd_lru *l, uint64_t hash);
uint32_t wd_lru_next(const struct wd_lru *l, uint32_t slot);
/* The slot that the next insert will take from its entry; WD_LRU_NONE while one is unused. */
uint32_t wd_lru_victim(const struct wd_lru *l);
/* A slot for a new entry, which is then the newest. */
uint32_t wd_lru_insert(struct wd_lru *l, uint64_t hash);
/* Makes a slot in use the newest. */
void wd_lru_touch(struct wd_lru *l, uint32_t slot);
void wd_lru_remove(struct wd_lru *l, uint32_t slot);
/* The slots in use, newest first: start with l->newest; WD_LRU_NONE at the end. */
uint32_t wd_lru_older(const struct wd_lru *l, uint32_t slot);

#endif

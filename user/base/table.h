/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pointers by hash: open addressing, twelve bytes a slot, several entries of one hash allowed. It
 * knows nothing of keys: the caller hashes, and compares what a walk brings. For the large
 * indexes of the cluster store, where a uthash handle in each object for each index would weigh
 * more than the object (docs/ARCHITECTURE.md).
 */
#ifndef WD_BASE_TABLE_H
#define WD_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: empty. */
struct wd_table {
	void **ptr;
	uint32_t *hash;
	uint32_t n, size; /* size: 0, or a power of two */
};

/* -ENOMEM: unchanged. */
int wd_table_add(struct wd_table *t, uint32_t hash, void *p);
/* Room for n more, so that as many calls of add() cannot fail. -ENOMEM. */
int wd_table_reserve(struct wd_table *t, uint32_t n);
/* False: it was not there. */
bool wd_table_remove(struct wd_table *t, uint32_t hash, const void *p);
void wd_table_release(struct wd_table *t);

/* All entries of one hash; NULL ends. The table must not change meanwhile. */
struct wd_table_walk {
	uint32_t hash, at, left;
};
struct wd_table_walk wd_table_find(const struct wd_table *t, uint32_t hash);
void *wd_table_next(const struct wd_table *t, struct wd_table_walk *w);
/* Every entry: *at is 0 at first; NULL ends. */
void *wd_table_each(const struct wd_table *t, uint32_t *at);

/* Hashes bytes. seed: so that whoever names things cannot choose where they collide. */
uint32_t wd_hash(const void *bytes, size_t n, uint64_t seed);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader's side of the kernel's drop table: which keys are in it, so that their
 * counts can be asked for and quiet ones removed. One slot for each entry of the table.
 */
#ifndef WD_PROBE_DROPS_H
#define WD_PROBE_DROPS_H

#include <stdint.h>

#include "bpf/abi.h"

struct wd_drops;

/* fd: the map, not owned. */
int wd_drops_new(int fd, uint32_t entries, struct wd_drops **ret);
void wd_drops_free(struct wd_drops *d);
/* Remembers a key that the kernel has just added. Returns its identity, 0 when there is
 * no room (which the sizes rule out unless the table was changed by someone else). */
uint64_t wd_drops_add(struct wd_drops *d, const struct wd_abi_drop_key *key);
/* -ENOENT when it was forgotten meanwhile. */
int wd_drops_count(struct wd_drops *d, uint64_t id, struct wd_abi_drop_count *ret);
/* Removes one: the next drop of its kind is a first one again. */
void wd_drops_forget(struct wd_drops *d, uint64_t id);
/* Removes entries without a drop for long: the fuller the table, the sooner. */
void wd_drops_maintain(struct wd_drops *d, uint64_t now_ns);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/drops.h"

#include <errno.h>
#include <stdlib.h>

#include <bpf/bpf.h>

#include "base/clock.h"

/* Slots looked at in one maintenance run: bounds its cost to a few milliseconds. */
#define LOOK_MAX      2048
#define LOOK_MAX_FULL 8192

struct slot {
	struct wd_abi_drop_key key;
	uint32_t generation; /* odd: in use */
	uint32_t next_free;
};

struct wd_drops {
	int fd;
	uint32_t n, used, hand;
	uint32_t free_list; /* index + 1; 0 none */
	uint32_t fresh;     /* slots never used start here */
	struct slot *slots;
};

int wd_drops_new(int fd, uint32_t entries, struct wd_drops **ret)
{
	struct wd_drops *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->fd = fd;
	d->n = entries;
	d->slots = calloc(entries, sizeof(*d->slots));
	if (!d->slots) {
		free(d);
		return -ENOMEM;
	}
	*ret = d;
	return 0;
}

void wd_drops_free(struct wd_drops *d)
{
	if (!d)
		return;
	free(d->slots);
	free(d);
}

uint64_t wd_drops_add(struct wd_drops *d, const struct wd_abi_drop_key *key)
{
	uint32_t i;
	struct slot *s;

	if (d->free_list) {
		i = d->free_list - 1;
		d->free_list = d->slots[i].next_free;
	} else if (d->fresh < d->n) {
		i = d->fresh++;
	} else {
		return 0;
	}
	s = &d->slots[i];
	s->key = *key;
	s->generation++;
	d->used++;
	return (uint64_t)s->generation << 32 | (i + 1);
}

static struct slot *slot_of(struct wd_drops *d, uint64_t id)
{
	uint32_t i = (uint32_t)id;

	if (!i || i > d->n || d->slots[i - 1].generation != id >> 32)
		return NULL;
	return &d->slots[i - 1];
}

int wd_drops_count(struct wd_drops *d, uint64_t id, struct wd_abi_drop_count *ret)
{
	struct slot *s = slot_of(d, id);

	if (!s || bpf_map_lookup_elem(d->fd, &s->key, ret) < 0)
		return -ENOENT;
	return 0;
}

static void release(struct wd_drops *d, struct slot *s)
{
	s->generation++;
	s->next_free = d->free_list;
	d->free_list = (uint32_t)(s - d->slots) + 1;
	d->used--;
}

void wd_drops_forget(struct wd_drops *d, uint64_t id)
{
	struct slot *s = slot_of(d, id);

	if (!s)
		return;
	bpf_map_delete_elem(d->fd, &s->key);
	release(d, s);
}

static uint64_t quiet_limit_ns(const struct wd_drops *d)
{
	if (d->used > d->n / 4 * 3)
		return 5 * WD_NSEC_PER_SEC;
	if (d->used > d->n / 2)
		return 15 * WD_NSEC_PER_SEC;
	/* longer than the longest pause between two SYN of one connect (64 s) */
	return 150 * WD_NSEC_PER_SEC;
}

void wd_drops_maintain(struct wd_drops *d, uint64_t now_ns)
{
	uint64_t limit = quiet_limit_ns(d);
	uint32_t look = d->used > d->n / 2 ? LOOK_MAX_FULL : LOOK_MAX;
	struct wd_abi_drop_count c;

	if (look > d->fresh)
		look = d->fresh;
	for (uint32_t k = 0; k < look && d->used; k++) {
		uint32_t i = d->hand++ % d->fresh;
		struct slot *s = &d->slots[i];

		if (!(s->generation & 1))
			continue;
		if (bpf_map_lookup_elem(d->fd, &s->key, &c) == 0) {
			if (c.last_ns + limit > now_ns)
				continue;
			bpf_map_delete_elem(d->fd, &s->key);
		}
		release(d, s);
	}
}

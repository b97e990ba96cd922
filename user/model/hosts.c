/* SPDX-License-Identifier: Apache-2.0 */
#include "model/hosts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

struct wd_hosts {
	struct wd_table index; /* by address and port; entries are positions + 1 */
	struct wd_host_key *v;
	uint32_t n, alloc;
};

int wd_hosts_new(struct wd_hosts **ret)
{
	struct wd_hosts *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	*ret = h;
	return 0;
}

void wd_hosts_free(struct wd_hosts *h)
{
	if (!h)
		return;
	wd_table_release(&h->index);
	free(h->v);
	free(h);
}

static uint32_t hash(const struct wd_addr *ip, uint16_t port)
{
	uint8_t key[18];

	memcpy(key, ip->b, 16);
	memcpy(key + 16, &port, 2);
	return wd_hash(key, sizeof(key), 0);
}

/* proto 0 and any_proto: whatever protocol. */
static bool find(const struct wd_hosts *h, const struct wd_host_key *k, bool any_proto)
{
	struct wd_table_walk w = wd_table_find(&h->index, hash(&k->ip, k->port));
	void *p;

	while ((p = wd_table_next(&h->index, &w))) {
		const struct wd_host_key *x = &h->v[(uintptr_t)p - 1];

		if (x->port == k->port && wd_addr_equal(&x->ip, &k->ip) &&
		    (any_proto || x->proto == k->proto))
			return true;
	}
	return false;
}

bool wd_hosts_has(const struct wd_hosts *h, const struct wd_host_key *k)
{
	return find(h, k, false);
}

bool wd_hosts_match(const struct wd_hosts *h, const struct wd_addr *ip, uint16_t port)
{
	struct wd_host_key k = {.ip = *ip, .port = port};

	if (!h)
		return false;
	if (find(h, &k, true))
		return true;
	k.port = 0;
	return find(h, &k, true);
}

int wd_hosts_add(struct wd_hosts *h, const struct wd_addr *ip, uint16_t port, uint8_t proto)
{
	struct wd_host_key k = {.ip = *ip, .port = port, .proto = proto};
	int r;

	if (find(h, &k, false))
		return 0;
	if (h->n == WD_HOSTS_MAX)
		return -ENOSPC;
	if (h->n == h->alloc) {
		uint32_t more = h->alloc ? h->alloc * 2 : 64;
		struct wd_host_key *v = reallocarray(h->v, more, sizeof(*v));

		if (!v)
			return -ENOMEM;
		h->v = v;
		h->alloc = more;
	}
	r = wd_table_add(&h->index, hash(ip, port), (void *)(uintptr_t)(h->n + 1));
	if (r < 0)
		return r;
	h->v[h->n++] = k;
	return 0;
}

uint32_t wd_hosts_count(const struct wd_hosts *h)
{
	return h ? h->n : 0;
}

const struct wd_host_key *wd_hosts_at(const struct wd_hosts *h, uint32_t i)
{
	return &h->v[i];
}

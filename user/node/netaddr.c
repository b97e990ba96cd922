/* SPDX-License-Identifier: Apache-2.0 */
#include "node/netaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "node/procfib.h"
#include "node/procnet.h"

/* 20 000 Service addresses on kube-ipvs0 make about 5 MB. */
#define FILE_MAX (8u << 20)

void wd_netaddrs_release(struct wd_netaddrs *a)
{
	free(a->v);
	free(a->wide);
	memset(a, 0, sizeof(*a));
}

static bool append(struct wd_netaddr **v, size_t *n, size_t *alloc, const struct wd_netaddr *e)
{
	if (*n == WD_NETADDR_MAX)
		return false;
	if (*n == *alloc) {
		size_t more = *alloc ? *alloc * 2 : 64;
		struct wd_netaddr *grown = reallocarray(*v, more, sizeof(*grown));

		if (!grown)
			return false;
		*v = grown;
		*alloc = more;
	}
	(*v)[(*n)++] = *e;
	return true;
}

static bool add(struct wd_netaddrs *a, uint32_t ns, const struct wd_addr *addr, unsigned int bits)
{
	struct wd_netaddr e = {.ns = ns};

	e.prefix.addr = *addr;
	e.prefix.bits = (uint8_t)bits;
	if (bits == 128)
		return append(&a->v, &a->n, &a->alloc, &e);
	return append(&a->wide, &a->n_wide, &a->alloc_wide, &e);
}

static bool fib_add(struct wd_netaddrs *a, uint32_t index, struct wd_netns *ns, const char *text,
                    size_t n)
{
	struct wd_fib_entry e;
	struct wd_procfib it;

	wd_procfib_init(&it, text, n);
	while (wd_procfib_next(&it, &e)) {
		struct wd_addr addr = wd_addr_from_v4(htonl(e.dest));

		/* Local entries of other tables catch traffic for a proxy; they own nothing. */
		if (e.table == WD_FIB_OTHER)
			ns->other_tables = true;
		else if (e.type == WD_FIB_LOCAL_ADDR && !add(a, index, &addr, e.bits + 96))
			return false;
	}
	return true;
}

static bool inet6_add(struct wd_netaddrs *a, uint32_t index, const char *text, size_t n)
{
	struct wd_span rest = wd_span(text, n);
	struct wd_addr addr;

	while (wd_procnet_inet6_next(&rest, &addr))
		if (!add(a, index, &addr, 128))
			return false;
	return true;
}

/* All addresses of one namespace; false when some may be missing. */
static bool namespace_read(struct wd_netaddrs *a, const struct wd_netnses *s, uint32_t index,
                           struct wd_buf *buf)
{
	struct wd_netns *ns = &s->v[index];
	int dir WD_AUTO_FD = wd_netns_open(s, ns), r;

	if (dir < 0) {
		ns->gone = !ns->name[0];
		return false;
	}
	/* A kernel without IPv6 has no such file; neither has a process that ended, which
	 * then fails with the next file too. */
	r = wd_procfs_read(dir, "net/if_inet6", buf);
	if ((r && r != -ENOENT) || (!r && !inet6_add(a, index, buf->data, buf->len)))
		return false;
	r = wd_procfs_read(dir, "net/fib_trie", buf);
	if (r || !fib_add(a, index, ns, buf->data, buf->len))
		return false;
	/* What was read belongs to the namespace in which the process is still. */
	return wd_procfs_netns(dir) == ns->ino;
}

static int netaddr_compare(const void *a, const void *b)
{
	const struct wd_netaddr *x = a, *y = b;
	int r = memcmp(x->prefix.addr.b, y->prefix.addr.b, sizeof(x->prefix.addr.b));

	if (r)
		return r;
	return x->ns < y->ns ? -1 : x->ns > y->ns;
}

void wd_netaddrs_build(struct wd_netaddrs *a, struct wd_netnses *s, struct wd_buf *buf)
{
	uint64_t deadline = wd_clock_monotonic_ns() + WD_NETADDR_READ_NS;
	size_t kept = 0;

	a->n = a->n_wide = 0;
	buf->cap = FILE_MAX;
	for (size_t i = 0; i < s->n; i++)
		s->v[i].addrs_read = wd_clock_monotonic_ns() < deadline &&
		                     namespace_read(a, s, (uint32_t)i, buf);
	if (!a->n)
		return;
	qsort(a->v, a->n, sizeof(a->v[0]), netaddr_compare);
	/* Merged tables show each entry twice. */
	for (size_t i = 0; i < a->n; i++)
		if (!i || netaddr_compare(&a->v[i], &a->v[kept - 1]))
			a->v[kept++] = a->v[i];
	a->n = kept;
}

/* Index of the first single address that is not before this one. */
static size_t lower_bound(const struct wd_netaddrs *a, const struct wd_addr *addr)
{
	size_t lo = 0, hi = a->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (memcmp(a->v[mid].prefix.addr.b, addr->b, sizeof(addr->b)) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool wd_netaddrs_has(const struct wd_netaddrs *a, uint32_t ns, const struct wd_addr *addr)
{
	for (size_t i = lower_bound(a, addr); i < a->n && wd_addr_equal(&a->v[i].prefix.addr, addr);
	     i++)
		if (a->v[i].ns == ns)
			return true;
	for (size_t i = 0; i < a->n_wide; i++)
		if (a->wide[i].ns == ns && wd_prefix_contains(&a->wide[i].prefix, addr))
			return true;
	return false;
}

static size_t owner_add(uint32_t ns, uint32_t *ret, size_t n, size_t max)
{
	for (size_t i = 0; i < n && i < max; i++)
		if (ret[i] == ns)
			return n;
	if (n < max)
		ret[n] = ns;
	return n + 1;
}

size_t wd_netaddrs_owners(const struct wd_netaddrs *a, const struct wd_addr *addr, uint32_t *ret,
                          size_t max)
{
	size_t n = 0;

	for (size_t i = lower_bound(a, addr); i < a->n && wd_addr_equal(&a->v[i].prefix.addr, addr);
	     i++)
		n = owner_add(a->v[i].ns, ret, n, max);
	for (size_t i = 0; i < a->n_wide; i++)
		if (wd_prefix_contains(&a->wide[i].prefix, addr))
			n = owner_add(a->wide[i].ns, ret, n, max);
	return n;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "node/procroute.h"

#include <arpa/inet.h>
#include <string.h>

#include "node/lines.h"

/* include/uapi/linux/route.h, ipv6_route.h */
#define FLAG_UP      0x1u
#define FLAG_GATEWAY 0x2u
#define FLAG_REJECT  0x200u
#define FLAG_ANYCAST 0x00100000u
#define FLAG_LOCAL   0x80000000u

#define METRIC_NULL6 0xffffffffu

struct route {
	struct wd_span device;
	struct wd_addr dest, via;
	unsigned int bits; /* of the family: 0..32 or 0..128 */
	uint32_t metric, flags;
	bool from_prefix; /* IPv6: holds for some source addresses only */
};

static bool hex32(const struct wd_span *s, uint32_t *ret)
{
	uint64_t v;

	if (s->n != 8 || !wd_span_number(s, 16, UINT32_MAX, &v))
		return false;
	*ret = (uint32_t)v;
	return true;
}

/* Iface Destination Gateway Flags RefCnt Use Metric Mask ...; the three addresses are
 * 32-bit words in the byte order of the machine, metric is decimal. */
static bool line4_parse(struct wd_span line, struct route *r)
{
	uint32_t dest, via, mask;
	uint64_t flags, metric;
	struct wd_span w[8];

	if (wd_span_words(line, w, 8) < 8)
		return false;
	if (!hex32(&w[1], &dest) || !hex32(&w[2], &via) || !hex32(&w[7], &mask) ||
	    !wd_span_number(&w[3], 16, UINT32_MAX, &flags) ||
	    !wd_span_number(&w[6], 10, UINT32_MAX, &metric))
		return false;
	mask = ntohl(mask);
	if (~mask & (~mask + 1))
		return false;
	*r = (struct route){.device = w[0], .metric = (uint32_t)metric};
	r->dest = wd_addr_from_v4(dest);
	r->via = wd_addr_from_v4(via);
	r->bits = (unsigned int)__builtin_popcount(mask);
	r->flags = (uint32_t)flags;
	return true;
}

static bool addr6_parse(const struct wd_span *s, struct wd_addr *ret)
{
	if (s->n != 32)
		return false;
	for (size_t i = 0; i < 16; i++) {
		unsigned int hi = wd_digit(s->p[2 * i]), lo = wd_digit(s->p[2 * i + 1]);

		if (hi > 15 || lo > 15)
			return false;
		ret->b[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

/* dest len source len gateway metric refcnt use flags device, all numbers hexadecimal. */
static bool line6_parse(struct wd_span line, struct route *r)
{
	uint64_t bits, src_bits;
	struct wd_span w[10];

	*r = (struct route){0};
	if (wd_span_words(line, w, 10) < 10)
		return false;
	if (!addr6_parse(&w[0], &r->dest) || !addr6_parse(&w[4], &r->via) ||
	    !wd_span_number(&w[1], 16, 128, &bits) || !wd_span_number(&w[3], 16, 128, &src_bits) ||
	    !hex32(&w[5], &r->metric) || !hex32(&w[8], &r->flags))
		return false;
	r->device = w[9];
	r->bits = (unsigned int)bits;
	r->from_prefix = src_bits != 0;
	return true;
}

/* Every IPv6 table ends in a null entry that says "no route" (fib6_null_entry); one
 * that a user made has another metric. */
static bool is_null6(const struct route *r)
{
	return !r->bits && r->metric == METRIC_NULL6 && (r->flags & FLAG_REJECT);
}

static bool matches(const struct route *r, const struct wd_addr *dest, bool v6)
{
	struct wd_prefix p = {.addr = r->dest};

	p.bits = (uint8_t)(v6 ? r->bits : r->bits + 96);
	return wd_prefix_contains(&p, dest);
}

/* Table local comes before all others, whatever the prefix. */
static bool better(const struct route *a, const struct route *b)
{
	bool a_own = a->flags & (FLAG_LOCAL | FLAG_ANYCAST);
	bool b_own = b->flags & (FLAG_LOCAL | FLAG_ANYCAST);

	if (a_own != b_own)
		return a_own;
	if (a->bits != b->bits)
		return a->bits > b->bits;
	return a->metric < b->metric;
}

static void answer_fill(const struct route *r, bool v6, struct wd_procroute *ret)
{
	struct wd_route_fact *f = &ret->fact;

	if (v6 && (r->flags & (FLAG_LOCAL | FLAG_ANYCAST)))
		f->kind = WD_ROUTE_LOCAL;
	else if (r->flags & FLAG_REJECT)
		f->kind = WD_ROUTE_REJECT;
	else
		f->kind = WD_ROUTE_UNICAST;
	ret->no_device = wd_span_is(&r->device, "*");
	if (!ret->no_device && f->kind != WD_ROUTE_REJECT)
		wd_span_copy(&r->device, f->device, sizeof(f->device));
	if (f->kind != WD_ROUTE_UNICAST || !(r->flags & FLAG_GATEWAY))
		return;
	f->has_via = !wd_addr_is_any(&r->via);
	if (f->has_via)
		f->via = r->via;
	ret->via_unknown = !f->has_via;
}

static void lookup(struct wd_span rest, bool complete, const struct wd_addr *dest, bool v6,
                   struct wd_procroute *ret)
{
	struct route r, best;
	bool found = false, bad = false;
	struct wd_span line;

	memset(ret, 0, sizeof(*ret));
	while (wd_span_line(&rest, &line)) {
		if (!(v6 ? line6_parse(line, &r) : line4_parse(line, &r))) {
			bad |= !wd_span_begins(&line, "Iface");
			continue;
		}
		if ((v6 && (is_null6(&r) || r.from_prefix)) ||
		    !(r.flags & (FLAG_UP | FLAG_REJECT)) || !matches(&r, dest, v6))
			continue;
		if (!found || better(&r, &best))
			best = r;
		found = true;
	}
	if (found && complete)
		answer_fill(&best, v6, ret);
	else if (complete && !bad && !rest.n)
		ret->fact.kind = WD_ROUTE_NONE;
}

void wd_procroute_lookup4(const char *text, size_t n, bool complete, const struct wd_addr *dest,
                          struct wd_procroute *ret)
{
	/* The kernel always writes a heading: an empty file is one that failed. */
	lookup(wd_span(text, n), complete && n, dest, false, ret);
}

void wd_procroute_lookup6(const char *text, size_t n, bool complete, const struct wd_addr *dest,
                          struct wd_procroute *ret)
{
	lookup(wd_span(text, n), complete, dest, true, ret);
}

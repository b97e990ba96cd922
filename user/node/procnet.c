/* SPDX-License-Identifier: Apache-2.0 */
#include "node/procnet.h"

#include <errno.h>
#include <string.h>

#define IFA_F_DADFAILED 0x08u /* include/uapi/linux/if_addr.h */

/* include/uapi/linux/if_arp.h */
#define ATF_COM  0x02u
#define ATF_PUBL 0x08u

/* Which word after the group's own is name; 0: none. */
static unsigned int column_find(struct wd_span line, const char *name)
{
	struct wd_span word;
	unsigned int i = 0;

	while (wd_span_word(&line, &word)) {
		if (i && wd_span_is(&word, name))
			return i;
		i++;
	}
	return 0;
}

static int column_value(struct wd_span line, unsigned int column, uint64_t *ret)
{
	struct wd_span word;

	for (unsigned int i = 0; wd_span_word(&line, &word); i++)
		if (i == column)
			return wd_span_number(&word, 10, UINT64_MAX, ret) ? 0 : -EINVAL;
	return -EINVAL;
}

int wd_procnet_counter(const char *text, size_t n, const char *group, const char *name,
                       uint64_t *ret)
{
	struct wd_span rest = wd_span(text, n), heading, values;
	size_t len = strlen(group);

	while (wd_span_line(&rest, &heading) && wd_span_line(&rest, &values)) {
		unsigned int column;

		if (!wd_span_begins(&heading, group) || heading.n == len || heading.p[len] != ':')
			continue;
		if (!wd_span_begins(&values, group))
			return -EINVAL;
		column = column_find(heading, name);
		return column ? column_value(values, column, ret) : -ENOENT;
	}
	return -ENOENT;
}

static bool inet6_parse(struct wd_span line, struct wd_addr *ret)
{
	struct wd_span w[6];
	uint64_t flags;

	if (wd_span_words(line, w, 6) < 6 || w[0].n != 32 ||
	    !wd_span_number(&w[4], 16, UINT32_MAX, &flags) || (flags & IFA_F_DADFAILED))
		return false;
	for (size_t i = 0; i < 16; i++) {
		unsigned int hi = wd_digit(w[0].p[2 * i]), lo = wd_digit(w[0].p[2 * i + 1]);

		if (hi > 15 || lo > 15)
			return false;
		ret->b[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

bool wd_procnet_inet6_next(struct wd_span *rest, struct wd_addr *ret)
{
	struct wd_span line;

	while (wd_span_line(rest, &line))
		if (inet6_parse(line, ret))
			return true;
	return false;
}

enum wd_neigh wd_procnet_arp(const char *text, size_t n, bool complete, const struct wd_addr *addr,
                             const char *device)
{
	struct wd_span rest = wd_span(text, n), line;
	char want[WD_ADDR_STRLEN];

	if (!wd_addr_is_v4(addr))
		return WD_NEIGH_UNKNOWN;
	wd_addr_format(addr, want);
	while (wd_span_line(&rest, &line)) {
		/* The hardware address is empty on some devices: the device is last. */
		struct wd_span w[6];
		unsigned int words = wd_span_words(line, w, 6);
		uint64_t flags;

		if (words < 5 || !wd_span_is(&w[0], want) || !wd_span_is(&w[words - 1], device) ||
		    !wd_span_hex0x(&w[2], UINT32_MAX, &flags) || (flags & ATF_PUBL))
			continue;
		return (flags & ATF_COM) ? WD_NEIGH_RESOLVED : WD_NEIGH_INCOMPLETE;
	}
	/* The kernel always writes a heading: an empty file is one that failed. */
	return complete && n && !rest.n ? WD_NEIGH_NONE : WD_NEIGH_UNKNOWN;
}

/* A number out of /proc/PID/stat by its field as proc(5) counts them, 3 and above. */
static int stat_field(const char *text, size_t n, int wanted, uint64_t *ret)
{
	const char *end = n ? memrchr(text, ')', n) : NULL;
	struct wd_span rest, word;

	if (!end)
		return -EINVAL;
	rest = wd_span(end + 1, n - (size_t)(end + 1 - text));
	/* The word after the name is field 3. */
	for (int field = 3; wd_span_word(&rest, &word); field++) {
		if (field < wanted)
			continue;
		/* A last word without anything behind may have been cut. */
		return rest.n && wd_span_number(&word, 10, UINT64_MAX, ret) ? 0 : -EINVAL;
	}
	return -EINVAL;
}

int wd_procnet_start_ticks(const char *text, size_t n, uint64_t *ret)
{
	return stat_field(text, n, 22, ret);
}

bool wd_procnet_is_kthread(const char *text, size_t n)
{
	uint64_t flags;

	return !stat_field(text, n, 9, &flags) && (flags & 0x00200000u);
}

uint32_t wd_procnet_ns_inode(const char *link, size_t n)
{
	const char *open = n ? memchr(link, '[', n) : NULL;
	struct wd_span digits;
	uint64_t v;

	if (!open || open == link || open[-1] != ':' || link[n - 1] != ']')
		return 0;
	digits = wd_span(open + 1, n - (size_t)(open + 1 - link) - 1);
	return wd_span_number(&digits, 10, UINT32_MAX, &v) ? (uint32_t)v : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "node/procfib.h"

static const struct {
	const char *name;
	enum wd_fib_type type;
} types[] = {
	{"UNICAST", WD_FIB_UNICAST},
	{"LOCAL", WD_FIB_LOCAL_ADDR},
	{"BROADCAST", WD_FIB_BROADCAST},
	{"BLACKHOLE", WD_FIB_BLACKHOLE},
	{"UNREACHABLE", WD_FIB_UNREACHABLE},
	{"PROHIBIT", WD_FIB_PROHIBIT},
	{"THROW", WD_FIB_THROW},
};

void wd_procfib_init(struct wd_procfib *it, const char *text, size_t n)
{
	*it = (struct wd_procfib){.rest = wd_span(text, n)};
}

static bool dotted_parse(struct wd_span s, uint32_t *ret)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		const char *dot = i < 3 && s.n ? memchr(s.p, '.', s.n) : NULL;
		struct wd_span part = wd_span(s.p, dot ? (size_t)(dot - s.p) : s.n);
		uint64_t byte;

		if ((i < 3 && !dot) || !wd_span_number(&part, 10, 255, &byte))
			return false;
		v = v << 8 | (uint32_t)byte;
		if (dot)
			s = wd_span(dot + 1, s.n - part.n - 1);
	}
	*ret = v;
	return true;
}

/* "/24 link UNICAST [tos=N]" below the leaf's address. */
static bool entry_parse(const struct wd_procfib *it, struct wd_span line, struct wd_fib_entry *ret)
{
	struct wd_span w[4], bits;
	unsigned int n = wd_span_words(line, w, 4);
	uint64_t v;

	if (n < 3 || w[0].p[0] != '/')
		return false;
	bits = wd_span(w[0].p + 1, w[0].n - 1);
	if (!wd_span_number(&bits, 10, 32, &v))
		return false;
	*ret = (struct wd_fib_entry){.table = it->table, .dest = it->leaf};
	ret->bits = (unsigned int)v;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (wd_span_is(&w[2], types[i].name))
			ret->type = types[i].type;
	ret->tos = n == 4 && wd_span_begins(&w[3], "tos=");
	return true;
}

static enum wd_fib_table heading_parse(const struct wd_span *line)
{
	if (wd_span_is(line, "Main:"))
		return WD_FIB_MAIN;
	if (wd_span_is(line, "Local:"))
		return WD_FIB_LOCAL;
	return WD_FIB_OTHER;
}

bool wd_procfib_next(struct wd_procfib *it, struct wd_fib_entry *ret)
{
	struct wd_span line, w[2];

	while (wd_span_line(&it->rest, &line)) {
		if (!line.n)
			continue;
		if (line.p[0] != ' ' && line.p[0] != '\t') {
			it->table = heading_parse(&line);
			it->in_leaf = false;
			continue;
		}
		if (!wd_span_words(line, w, 2))
			continue;
		if (wd_span_is(&w[0], "|--")) {
			it->in_leaf = wd_span_words(line, w, 2) == 2 &&
			              dotted_parse(w[1], &it->leaf);
			continue;
		}
		if (wd_span_is(&w[0], "+--"))
			it->in_leaf = false;
		else if (it->in_leaf && entry_parse(it, line, ret))
			return true;
	}
	return false;
}

static bool covers(const struct wd_fib_entry *e, uint32_t dest)
{
	uint32_t mask = e->bits ? UINT32_MAX << (32 - e->bits) : 0;

	return ((e->dest ^ dest) & mask) == 0;
}

enum wd_fib_type wd_procfib_main_type(const char *text, size_t n, uint32_t dest)
{
	enum wd_fib_type best = WD_FIB_UNKNOWN;
	unsigned int bits = 0;
	struct wd_procfib it;
	struct wd_fib_entry e;
	bool found = false;

	wd_procfib_init(&it, text, n);
	while (wd_procfib_next(&it, &e)) {
		if (e.table != WD_FIB_MAIN || e.tos || !covers(&e, dest))
			continue;
		if (found && e.bits <= bits)
			continue;
		found = true;
		bits = e.bits;
		best = e.type;
	}
	return best;
}

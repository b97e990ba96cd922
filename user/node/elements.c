/* SPDX-License-Identifier: Apache-2.0 */
#include "node/elements.h"

#include <errno.h>

/* Depth of what is directly in {"nftables":[ ]}. */
#define INSIDE 2

void wd_elements_init(struct wd_elements *e, int (*each)(const char *json, size_t n, void *ctx),
                      void *ctx)
{
	*e = (struct wd_elements){.each = each, .ctx = ctx};
	wd_buf_init(&e->kept, WD_ELEMENTS_SIZE_MAX);
}

void wd_elements_release(struct wd_elements *e)
{
	wd_buf_release(&e->kept);
}

static int keep(struct wd_elements *e, const char *p, size_t n)
{
	if (e->too_long || !n)
		return 0;
	wd_buf_put(&e->kept, p, n);
	if (e->kept.err == -ENOMEM)
		return -ENOMEM;
	e->too_long = e->kept.err;
	return 0;
}

/* The element that ends with this piece. */
static int give(struct wd_elements *e, const char *p, size_t n)
{
	int r = 0;

	e->inside = false;
	if (!e->kept.len && !e->too_long)
		return e->each(p, n, e->ctx);
	r = keep(e, p, n);
	if (r)
		return r;
	if (e->too_long)
		e->skipped++;
	else
		r = e->each(e->kept.data, e->kept.len, e->ctx);
	e->too_long = false;
	wd_buf_reset(&e->kept);
	return r;
}

/* Behind the end of the string that p is in. */
static const char *string_end(struct wd_elements *e, const char *p, const char *end)
{
	for (; p < end; p++) {
		if (e->escape) {
			e->escape = false;
		} else if (*p == '\\') {
			e->escape = true;
		} else if (*p == '"') {
			e->string = false;
			return p + 1;
		}
	}
	return end;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* One byte outside of strings; 1: an element has ended with it. */
static int step(struct wd_elements *e, char c)
{
	if (e->done || (!e->begun && c != '{'))
		return is_space(c) ? 0 : -EPROTO;
	e->begun = true;
	switch (c) {
	case '"':
		e->string = true;
		break;
	case '{':
	case '[':
		e->depth++;
		break;
	case '}':
	case ']':
		e->depth--;
		e->done = !e->depth;
		return e->inside && e->depth == INSIDE;
	default:
		break;
	}
	return 0;
}

int wd_elements_feed(struct wd_elements *e, const char *p, size_t n)
{
	const char *end = p + n, *start = p;
	int r;

	while (p < end) {
		if (e->string) {
			p = string_end(e, p, end);
			continue;
		}
		if (!e->inside && e->depth == INSIDE && *p == '{') {
			e->inside = true;
			start = p;
		}
		r = step(e, *p++);
		if (r > 0) {
			r = give(e, start, (size_t)(p - start));
			start = p;
		}
		if (r < 0)
			return r;
	}
	return e->inside ? keep(e, start, (size_t)(end - start)) : 0;
}

int wd_elements_end(const struct wd_elements *e)
{
	return e->done ? 0 : -EPROTO;
}

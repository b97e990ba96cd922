/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cursor over JSON text: walks into what matters and over the rest, makes no tree. For rule
 * dumps, of which little is of interest and much is there. Anything that is not JSON where the
 * cursor looks sets `bad`, and the cursor then stands at the end: loops over it end.
 */
#ifndef WD_NODE_JSONSCAN_H
#define WD_NODE_JSONSCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/lines.h"

struct wd_jsonscan {
	const char *p, *end;
	bool bad;
};

static inline struct wd_jsonscan wd_jsonscan(const char *p, size_t n)
{
	return (struct wd_jsonscan){.p = p, .end = p + n};
}

static inline bool wd_jsonscan_fail(struct wd_jsonscan *c)
{
	c->bad = true;
	c->p = c->end;
	return false;
}

/* The next byte that is no white space; 0 at the end. */
static inline char wd_jsonscan_peek(struct wd_jsonscan *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\t' || *c->p == '\r'))
		c->p++;
	return c->p < c->end ? *c->p : '\0';
}

/* Takes '{', '[' or ':'. */
static inline bool wd_jsonscan_take(struct wd_jsonscan *c, char what)
{
	if (wd_jsonscan_peek(c) != what)
		return wd_jsonscan_fail(c);
	c->p++;
	return true;
}

/* A string, without quotes; escapes stay as they are (no name or address needs one). */
static inline bool wd_jsonscan_string(struct wd_jsonscan *c, struct wd_span *ret)
{
	const char *start;

	if (!wd_jsonscan_take(c, '"'))
		return false;
	for (start = c->p; c->p < c->end; c->p++) {
		if (*c->p == '\\') {
			c->p++;
		} else if (*c->p == '"') {
			*ret = wd_span(start, (size_t)(c->p++ - start));
			return true;
		}
	}
	return wd_jsonscan_fail(c);
}

/* The next member of an object that was entered by '{'; its value comes next and must be
 * consumed. False: no more. */
static inline bool wd_jsonscan_member(struct wd_jsonscan *c, struct wd_span *key)
{
	char at = wd_jsonscan_peek(c);

	if (at == '}') {
		c->p++;
		return false;
	}
	if (at == ',')
		c->p++;
	return wd_jsonscan_string(c, key) && wd_jsonscan_take(c, ':');
}

/* The same for an array. */
static inline bool wd_jsonscan_item(struct wd_jsonscan *c)
{
	char at = wd_jsonscan_peek(c);

	if (at == ']') {
		c->p++;
		return false;
	}
	if (at == ',') {
		c->p++;
		at = wd_jsonscan_peek(c);
	}
	return at && at != '}' ? true : wd_jsonscan_fail(c);
}

/* Into the member of this name of the object that comes next: the cursor then stands at its
 * value, and the rest of the object is not looked at. False: it has none. For copies of a cursor.
 */
bool wd_jsonscan_enter(struct wd_jsonscan *c, const char *member);
/* Steps over a value, whatever it is. */
bool wd_jsonscan_skip(struct wd_jsonscan *c);
/* A whole number that is not negative, or -1 (and what is there is stepped over). */
int64_t wd_jsonscan_number(struct wd_jsonscan *c);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "node/jsonscan.h"

/* true, null, a number */
static bool skip_word(struct wd_jsonscan *c)
{
	const char *start = c->p;

	while (c->p < c->end && ((*c->p >= '0' && *c->p <= '9') || (*c->p >= 'a' && *c->p <= 'z') ||
	                         *c->p == '-' || *c->p == '+' || *c->p == '.' || *c->p == 'E'))
		c->p++;
	return c->p > start || wd_jsonscan_fail(c);
}

bool wd_jsonscan_skip(struct wd_jsonscan *c)
{
	unsigned int depth = 0;
	struct wd_span s;

	do {
		switch (wd_jsonscan_peek(c)) {
		case '\0':
			return wd_jsonscan_fail(c);
		case '{':
		case '[':
			depth++;
			c->p++;
			break;
		case '}':
		case ']':
			if (!depth)
				return wd_jsonscan_fail(c);
			depth--;
			c->p++;
			break;
		case ',':
		case ':':
			if (!depth)
				return wd_jsonscan_fail(c);
			c->p++;
			break;
		case '"':
			if (!wd_jsonscan_string(c, &s))
				return false;
			break;
		default:
			if (!skip_word(c))
				return false;
		}
	} while (depth);
	return true;
}

int64_t wd_jsonscan_number(struct wd_jsonscan *c)
{
	struct wd_span s;
	uint64_t v;

	wd_jsonscan_peek(c);
	s.p = c->p;
	if (!wd_jsonscan_skip(c))
		return -1;
	s.n = (size_t)(c->p - s.p);
	return wd_span_number(&s, 10, INT64_MAX, &v) ? (int64_t)v : -1;
}

bool wd_jsonscan_enter(struct wd_jsonscan *c, const char *member)
{
	struct wd_span name;

	if (wd_jsonscan_peek(c) != '{')
		return false;
	c->p++;
	while (wd_jsonscan_member(c, &name)) {
		if (wd_span_is(&name, member))
			return true;
		wd_jsonscan_skip(c);
	}
	return false;
}

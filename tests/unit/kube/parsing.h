/* SPDX-License-Identifier: Apache-2.0 */
/* One object's JSON in, one line of description or of error out. */
#ifndef WD_TEST_KUBE_PARSING_H
#define WD_TEST_KUBE_PARSING_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kube/objects.h"
#include "tests/unit/kube/describe.h"

static struct wd_parse *parse;
static struct wd_buf text;
static char err[WD_PARSE_ERRLEN];

static inline int setup(void **state)
{
	(void)state;
	wd_buf_init(&text, 64u << 20);
	return wd_parse_new(&parse);
}

static inline int teardown(void **state)
{
	(void)state;
	wd_parse_free(parse);
	wd_buf_release(&text);
	return 0;
}

/* The JSON with ' for ", which is easier to read here. */
static inline const char *json(const char *quoted)
{
	static char buf[16384];
	size_t n = strlen(quoted);

	assert_true(n < sizeof(buf));
	memcpy(buf, quoted, n + 1);
	for (char *p = buf; (p = strchr(p, '\'')); p++)
		*p = '"';
	return buf;
}

static inline void is(enum wd_resource kind, const char *quoted, const char *wanted)
{
	const char *s = json(quoted);
	struct wd_object o;
	int r = wd_parse_object(parse, kind, s, strlen(s), &o, err);

	if (r)
		fail_msg("%s: %s", s, err);
	wd_buf_reset(&text);
	describe(&text, &o);
	wd_buf_putc(&text, '\0');
	assert_string_equal(text.data, wanted);
}

static inline void refused(enum wd_resource kind, const char *quoted, const char *error)
{
	const char *s = json(quoted);
	struct wd_object o, before;

	memset(&o, 0x5a, sizeof(o));
	before = o;
	assert_int_equal(wd_parse_object(parse, kind, s, strlen(s), &o, err), -EPROTO);
	assert_string_equal(err, error);
	assert_memory_equal(&o, &before, sizeof(o));
}

/* What is wrong in an otherwise good object. */
#define META "'metadata':{'namespace':'n','name':'x'}"

static inline uint64_t left_out(enum wd_resource kind, const char *quoted, const char *wanted)
{
	uint64_t before = wd_parse_left_out(parse);

	is(kind, quoted, wanted);
	return wd_parse_left_out(parse) - before;
}

#endif

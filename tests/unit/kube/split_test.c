/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "kube/split.h"

/* What came out, each value followed by a newline. */
struct seen {
	struct wd_buf text;
	unsigned int n, stop_at;
};

static int each(const char *json, size_t n, void *ctx)
{
	struct seen *s = ctx;

	wd_buf_put(&s->text, json, n);
	wd_buf_putc(&s->text, '\n');
	return ++s->n == s->stop_at ? -ECANCELED : 0;
}

struct run {
	int result;
	char *values, *envelope, error[200];
	uint64_t skipped;
};

static void run_free(struct run *r)
{
	free(r->values);
	free(r->envelope);
}

/* piece: bytes a piece; each is a block of its own, so that the sanitizer sees a step too far. */
static struct run run(enum wd_split_kind kind, const char *text, size_t n, size_t piece,
                      unsigned int stop_at)
{
	struct seen seen = {.stop_at = stop_at};
	struct run r = {0};
	struct wd_split *s;
	const char *e;
	size_t len;

	wd_buf_init(&seen.text, 64u << 20);
	assert_int_equal(wd_split_new(kind, each, &seen, &s), 0);
	for (size_t at = 0; at < n && !r.result; at += piece) {
		size_t some = n - at < piece ? n - at : piece;
		char *copy = malloc(some);

		assert_non_null(copy);
		memcpy(copy, text + at, some);
		r.result = wd_split_feed(s, copy, some);
		free(copy);
	}
	if (!r.result)
		r.result = wd_split_end(s);
	else
		assert_int_equal(wd_split_end(s), r.result);
	e = wd_split_envelope(s, &len);
	r.envelope = strndup(e, len);
	wd_buf_putc(&seen.text, '\0');
	r.values = seen.text.data;
	r.skipped = wd_split_skipped(s);
	strcpy(r.error, wd_split_error(s));
	wd_split_free(s);
	return r;
}

/* In pieces of several sizes; all must say the same. */
static void check(enum wd_split_kind kind, const char *text, int result, const char *values,
                  const char *envelope)
{
	static const size_t pieces[] = {1, 2, 3, 5, 7, 16, 1 << 20};

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct run r = run(kind, text, strlen(text), pieces[i], 0);

		if (r.result != result)
			fail_msg("%s in pieces of %zu: %d, %s", text, pieces[i], r.result, r.error);
		if (values)
			assert_string_equal(r.values, values);
		if (envelope)
			assert_string_equal(r.envelope, envelope);
		assert_int_equal(r.skipped, 0);
		run_free(&r);
	}
}

static void refused(enum wd_split_kind kind, const char *text, const char *error)
{
	static const size_t pieces[] = {1, 4, 1 << 20};

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct run r = run(kind, text, strlen(text), pieces[i], 0);

		assert_string_equal(r.error, error);
		assert_int_equal(r.result, -EPROTO);
		run_free(&r);
	}
}

static void lists(void **state)
{
	(void)state;
	check(WD_SPLIT_LIST,
	      "{\"kind\":\"PodList\",\"metadata\":{\"a\":1},\"items\":[{\"a\":1},{}]}", 0,
	      "{\"a\":1}\n{}\n", "{\"kind\":\"PodList\",\"metadata\":{\"a\":1},\"items\":[]}");
	check(WD_SPLIT_LIST,
	      " \r\n{ \"items\" :\t[ {\"a\" : [ ] } ,\n{ } ] , \"kind\" : \"x y\" }\n ", 0,
	      "{\"a\" : [ ] }\n{ }\n", "{\"items\":[],\"kind\":\"x y\"}");
	check(WD_SPLIT_LIST, "{}", 0, "", "{}");
	check(WD_SPLIT_LIST, "{\"items\":[]}", 0, "", "{\"items\":[]}");
	check(WD_SPLIT_LIST, "{\"items\":null,\"n\":-1.5e+3,\"t\":true}", 0, "",
	      "{\"items\":null,\"n\":-1.5e+3,\"t\":true}");
	check(WD_SPLIT_LIST, "{\"items\":null}", 0, "", "{\"items\":null}");
	check(WD_SPLIT_LIST, "{\"kind\":\"Status\",\"code\":403}", 0, "",
	      "{\"kind\":\"Status\",\"code\":403}");
}

static void items_at_the_top_alone_are_items(void **state)
{
	(void)state;
	check(WD_SPLIT_LIST,
	      "{\"x\":{\"items\":[{\"no\":1}]},\"y\":\"items\",\"z\":[\"items\",[{}]],"
	      "\"items\":[{\"items\":[{\"deep\":\"items\"}]}]}",
	      0, "{\"items\":[{\"deep\":\"items\"}]}\n", NULL);
	check(WD_SPLIT_LIST, "{\"item\":[{\"a\":1}],\"itemss\":[],\"Items\":[]}", 0, "", NULL);
}

static void strings_hide_brackets(void **state)
{
	(void)state;
	check(WD_SPLIT_LIST, "{\"items\":[{\"a\":\"}]\\\"{[\\\\\"},{\"b\\\\\":\"\\\\\\\"\"}]}", 0,
	      "{\"a\":\"}]\\\"{[\\\\\"}\n{\"b\\\\\":\"\\\\\\\"\"}\n", "{\"items\":[]}");
	check(WD_SPLIT_LIST, "{\"a\":\"\\\"items\\\":[{\",\"items\":[{\"c\":\"\\u007b\"}]}", 0,
	      "{\"c\":\"\\u007b\"}\n", "{\"a\":\"\\\"items\\\":[{\",\"items\":[]}");
}

static void streams(void **state)
{
	(void)state;
	check(WD_SPLIT_STREAM, "{\"a\":1}{\"b\":[2]}\n\n {\"c\":\"}\"}\r\n", 0,
	      "{\"a\":1}\n{\"b\":[2]}\n{\"c\":\"}\"}\n", "");
	check(WD_SPLIT_STREAM, "", 0, "", "");
	check(WD_SPLIT_STREAM, " \n", 0, "", "");
	refused(WD_SPLIT_STREAM, "{} x", "byte 3: 'x' where a JSON object should be");
	refused(WD_SPLIT_STREAM, "{}\n{\"a\":", "byte 8: it ends in the midst");
	refused(WD_SPLIT_STREAM, "[{}]", "byte 0: '[' where a JSON object should be");
}

static void errors_have_an_offset(void **state)
{
	(void)state;
	refused(WD_SPLIT_LIST, "", "it is empty");
	refused(WD_SPLIT_LIST, "\n", "byte 1: it ends in the midst");
	refused(WD_SPLIT_LIST, "\xef\xbb\xbf{}",
	        "byte 0: a byte order mark, which JSON must not have");
	refused(WD_SPLIT_STREAM, "\xef\xbb\xbf{}",
	        "byte 0: a byte order mark, which JSON must not have");
	refused(WD_SPLIT_LIST, "[]", "byte 0: '[' where a JSON object should be");
	refused(WD_SPLIT_LIST, "{\"items\":[{}", "byte 12: it ends in the midst");
	refused(WD_SPLIT_LIST, "{\"items\":[{}]", "byte 13: it ends in the midst");
	refused(WD_SPLIT_LIST, "{\"items\":[{\"a\":\"b", "byte 17: it ends in the midst");
	refused(WD_SPLIT_LIST, "{\"items\":[1]}",
	        "byte 10: '1' where an item, which is an object, should be");
	refused(WD_SPLIT_LIST, "{\"items\":[{},null]}",
	        "byte 13: 'n' where an item, which is an object, should be");
	refused(WD_SPLIT_LIST, "{\"items\":[{},]}",
	        "byte 13: ']' where an item, which is an object, should be");
	refused(WD_SPLIT_LIST, "{\"items\":[{}{}]}", "byte 12: '{' where ',' or ']' should be");
	refused(WD_SPLIT_LIST, "{\"items\":{}}", "byte 9: items is not an array");
	refused(WD_SPLIT_LIST, "{\"items\":\"x\"}", "byte 9: items is not an array");
	refused(WD_SPLIT_LIST, "{\"items\":nul}", "byte 12: items is not an array");
	refused(WD_SPLIT_LIST, "{\"items\":[],\"items\":[]}", "byte 18: items for a second time");
	refused(WD_SPLIT_LIST, "{\"\\u0069tems\":[{}]}", "byte 12: an escape in a key of the list");
	refused(WD_SPLIT_LIST, "{\"a\" 1}", "byte 5: '1' where ':' should be");
	refused(WD_SPLIT_LIST, "{\"a\":}", "byte 5: '}' where a value should be");
	refused(WD_SPLIT_LIST, "{\"a\":1 2}", "byte 7: '2' where ',' or '}' should be");
	refused(WD_SPLIT_LIST, "{\"a\":1,}", "byte 7: '}' where a key should be");
	refused(WD_SPLIT_LIST, "{,}", "byte 1: ',' where a key should be");
	refused(WD_SPLIT_LIST, "{}{}", "byte 2: '{' where the end should be");
	refused(WD_SPLIT_LIST, "{\"items\":[{\"a\":]}",
	        "byte 15: a bracket closes what was not opened");
	refused(WD_SPLIT_LIST, "{\"items\":[{\"a\":[}]}",
	        "byte 16: a bracket closes what was not opened");
	refused(WD_SPLIT_LIST, "{\"items\":[{\"a\":\"\n\"}]}",
	        "byte 16: byte 0x0a where a string's text should be");
	refused(WD_SPLIT_LIST, "{\"items\":[{\"a\":\"\\\x01\"}]}",
	        "byte 17: byte 0x01 where an escape should be");
}

static void nul_is_refused_everywhere(void **state)
{
	static const char text[] =
		"{\"k\": \"v\", \"n\": 1, \"items\": [ {\"a\": \"b\\\"\"} , {} ] } ";
	size_t n = sizeof(text) - 1;

	(void)state;
	for (size_t i = 0; i <= n; i++) {
		char *copy = malloc(n + 1);
		struct run r;

		assert_non_null(copy);
		memcpy(copy, text, i);
		copy[i] = '\0';
		memcpy(copy + i + 1, text + i, n - i);
		for (size_t piece = 1; piece <= n + 1; piece += n) {
			r = run(WD_SPLIT_LIST, copy, n + 1, piece, 0);
			assert_int_equal(r.result, -EPROTO);
			run_free(&r);
		}
		free(copy);
	}
}

/* Every document that is cut short is an error, wherever it is cut. */
static void no_prefix_passes(void **state)
{
	static const char text[] =
		"{\"k\":\"v\",\"n\":-1,\"m\":{\"a\":[1]},\"items\":[{\"a\":\"b\"},{}],\"z\":null}";

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		struct run r = run(WD_SPLIT_LIST, text, n, 3, 0);

		assert_int_equal(r.result, -EPROTO);
		run_free(&r);
	}
}

static void depth_is_bounded(void **state)
{
	struct wd_buf b;

	(void)state;
	for (int over = 0; over < 2; over++) {
		struct run r;

		wd_buf_init(&b, 4096);
		wd_buf_puts(&b, "{\"items\":[{\"a\":");
		for (int i = 1; i < WD_SPLIT_DEPTH_MAX + over; i++)
			wd_buf_putc(&b, '[');
		for (int i = 1; i < WD_SPLIT_DEPTH_MAX + over; i++)
			wd_buf_putc(&b, ']');
		wd_buf_puts(&b, "}]}");
		r = run(WD_SPLIT_LIST, b.data, b.len, 64, 0);
		assert_int_equal(r.result, over ? -EPROTO : 0);
		if (over)
			assert_string_equal(r.error, "byte 142: nested too deeply");
		run_free(&r);
		wd_buf_release(&b);
	}
}

static void text_of_size(struct wd_buf *b, size_t n)
{
	char *at = wd_buf_reserve(b, n);

	assert_non_null(at);
	memset(at, 'x', n);
	b->len += n;
}

/* {"":"xxx"} of exactly the limit passes, one byte more is left out, and what follows it comes. */
static void long_values_are_left_out(void **state)
{
	static const size_t pieces[] = {4096, 65536, 64u << 20};

	(void)state;
	for (int over = 0; over < 2; over++) {
		for (size_t i = 0; i < 3; i++) {
			struct wd_buf b;
			struct run r;

			wd_buf_init(&b, 64u << 20);
			wd_buf_puts(&b, "{\"items\":[{\"\":\"");
			text_of_size(&b, WD_SPLIT_VALUE_MAX - 7 + (size_t)over);
			wd_buf_puts(&b, "\"},{\"z\":1}]}");
			r = run(WD_SPLIT_LIST, b.data, b.len, pieces[i], 0);
			assert_int_equal(r.result, 0);
			assert_int_equal(r.skipped, over);
			assert_string_equal(strrchr(r.values, '{'), "{\"z\":1}\n");
			assert_int_equal(strlen(r.values), 8 + (over ? 0 : WD_SPLIT_VALUE_MAX + 1));
			run_free(&r);
			wd_buf_release(&b);
		}
	}
}

static void the_envelope_is_bounded(void **state)
{
	struct wd_buf b;
	struct run r;

	(void)state;
	wd_buf_init(&b, 64u << 20);
	wd_buf_puts(&b, "{\"a\":\"");
	text_of_size(&b, WD_SPLIT_ENVELOPE_MAX);
	wd_buf_puts(&b, "\"}");
	r = run(WD_SPLIT_LIST, b.data, b.len, 1000, 0);
	assert_int_equal(r.result, -EPROTO);
	assert_non_null(strstr(r.error, "what is not items is too long"));
	run_free(&r);
	wd_buf_release(&b);
}

static void the_reader_can_end_it(void **state)
{
	static const char text[] = "{\"a\":1}{\"b\":2}{\"c\":3}";

	(void)state;
	for (size_t piece = 1; piece < 30; piece++) {
		struct run r = run(WD_SPLIT_STREAM, text, strlen(text), piece, 2);

		assert_int_equal(r.result, -ECANCELED);
		assert_string_equal(r.values, "{\"a\":1}\n{\"b\":2}\n");
		assert_string_equal(r.error, "");
		run_free(&r);
	}
}

static void reset_begins_anew(void **state)
{
	struct seen seen = {.n = 0};
	struct wd_split *s;
	size_t n;

	(void)state;
	wd_buf_init(&seen.text, 1000);
	assert_int_equal(wd_split_new(WD_SPLIT_LIST, each, &seen, &s), 0);
	assert_int_equal(wd_split_feed(s, "{\"items\":[{\"a\":\"", 15), 0);
	wd_split_reset(s);
	assert_int_equal(wd_split_feed(s, "!", 1), -EPROTO);
	assert_int_equal(wd_split_feed(s, "{}", 2), -EPROTO);
	wd_split_reset(s);
	assert_string_equal(wd_split_error(s), "");
	assert_int_equal(wd_split_feed(s, "{\"items\":[{}]}", 14), 0);
	assert_int_equal(wd_split_end(s), 0);
	assert_memory_equal(wd_split_envelope(s, &n), "{\"items\":[]}", 12);
	assert_int_equal(n, 12);
	assert_int_equal(seen.n, 1);
	wd_split_free(s);
	wd_buf_release(&seen.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(items_at_the_top_alone_are_items),
		cmocka_unit_test(strings_hide_brackets),
		cmocka_unit_test(streams),
		cmocka_unit_test(errors_have_an_offset),
		cmocka_unit_test(nul_is_refused_everywhere),
		cmocka_unit_test(no_prefix_passes),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(long_values_are_left_out),
		cmocka_unit_test(the_envelope_is_bounded),
		cmocka_unit_test(the_reader_can_end_it),
		cmocka_unit_test(reset_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

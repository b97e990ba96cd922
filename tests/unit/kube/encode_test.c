/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kube/encode.h"
#include "kube/objects.h"
#include "kube/split.h"
#include "tests/unit/kube/describe.h"
#include "tests/unit/kube/random.h"

#define RUNS 20000

static void what_is_encoded_is_read_as_the_same(void **state)
{
	struct wd_buf json, before, after;
	char err[WD_PARSE_ERRLEN];
	struct wd_parse *p;

	(void)state;
	assert_int_equal(wd_parse_new(&p), 0);
	wd_buf_init(&json, 1 << 20);
	wd_buf_init(&before, 1 << 20);
	wd_buf_init(&after, 1 << 20);
	for (uint64_t seed = 0; seed < RUNS; seed++) {
		struct wd_object o, again;

		random_reset(seed);
		any_object((enum wd_resource)(seed % WD_RESOURCE_MAX), &o);
		wd_buf_reset(&json);
		wd_buf_reset(&before);
		wd_buf_reset(&after);
		wd_encode_object(&json, &o);
		if (o.kind == WD_RESOURCE_POD)
			o.pod.on_demand = false; /* not told, see encode.h */
		describe(&before, &o);
		if (wd_parse_object(p, o.kind, json.data, json.len, &again, err))
			fail_msg("%.*s: %s", (int)json.len, json.data, err);
		describe(&after, &again);
		wd_buf_putc(&before, '\0');
		wd_buf_putc(&after, '\0');
		assert_string_equal(after.data, before.data);
		assert_null(memchr(json.data, '\n', json.len));
	}
	assert_int_equal(wd_parse_left_out(p), 0);
	wd_buf_release(&json);
	wd_buf_release(&before);
	wd_buf_release(&after);
	wd_parse_free(p);
}

static void strings(void **state)
{
	struct wd_buf b;

	(void)state;
	wd_buf_init(&b, 1000);
	wd_encode_string(&b, "a\"\\/\n\x1f\x7f\xc3\xa9\xff\xc3(\xed\xa0\x80");
	wd_buf_putc(&b, '\0');
	assert_string_equal(b.data,
	                    "\"a\\\"\\\\/\\u000a\\u001f\x7f\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd("
	                    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	wd_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_encoded_is_read_as_the_same),
		cmocka_unit_test(strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

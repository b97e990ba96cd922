/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kube/prune.h"

/* wanted NULL: there is nothing to leave out. */
static void check(const char *json, const char *wanted)
{
	size_t n = strlen(json);
	char *exact = malloc(n);
	struct wd_buf b;
	bool did;

	assert_non_null(exact);
	memcpy(exact, json, n);
	wd_buf_init(&b, 1000);
	did = wd_prune(&b, exact, n);
	free(exact);
	assert_int_equal(did, wanted != NULL);
	if (wanted) {
		wd_buf_putc(&b, '\0');
		assert_string_equal(b.data, wanted);
	}
	wd_buf_release(&b);
}

static void useless_members_become_null(void **state)
{
	(void)state;
	check("{\"env\":[1,{\"a\":\"]\"}],\"b\":1}", "{\"env\":null,\"b\":1}");
	check("{\"a\":{\"managedFields\" : [ {\"}\\\"\\\\\":{}} ] }}",
	      "{\"a\":{\"managedFields\" : null }}");
	check("{\"env\":{},\"volumes\":[],\"x\":[{\"args\":[\"\\\"args\\\":[\"]}]}",
	      "{\"env\":null,\"volumes\":null,\"x\":[{\"args\":null}]}");
	/* within what is gone, nothing is looked for */
	check("{\"images\":[{\"env\":[]}]}", "{\"images\":null}");
}

static void what_may_be_a_label_stays(void **state)
{
	(void)state;
	check("{\"labels\":{\"env\":\"prod\",\"images\":\"\"}}", NULL);
	check("{\"env\":null,\"args\":7}", NULL);
	check("{\"a\":\"env\",\"b\":[\"env\",[1]]}", NULL);
	check("{\"envs\":[1],\"en\":[2],\"Env\":[3],\"\\u0065nv\":[4]}", NULL);
	check("{\"a\":\"\\\"env\\\":[1]\"}", NULL);
}

static void what_is_cut_short_is_left_alone(void **state)
{
	static const char whole[] = "{\"a\":1,\"env\":[1,{\"b\":\"c\\\"\"}]";

	(void)state;
	for (size_t n = 1; n < sizeof(whole) - 1; n++) {
		char text[sizeof(whole)];

		memcpy(text, whole, n);
		text[n] = '\0';
		check(text, NULL);
	}
	check(whole, "{\"a\":1,\"env\":null");
}

static void no_room_is_no_error(void **state)
{
	static const char json[] = "{\"env\":[1],\"x\":\"0123456789\"}";
	struct wd_buf b;

	(void)state;
	wd_buf_init(&b, 10);
	assert_false(wd_prune(&b, json, sizeof(json) - 1));
	wd_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(useless_members_become_null),
		cmocka_unit_test(what_may_be_a_label_stays),
		cmocka_unit_test(what_is_cut_short_is_left_alone),
		cmocka_unit_test(no_room_is_no_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

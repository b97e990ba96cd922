/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/text.h"
#include "output/writer.h"

/* Writes one string into an array, gives what a reader of JSON gets from it. */
static json_t *round_trip(const char *s, struct wd_buf *b)
{
	struct wd_writer w;
	json_error_t error;
	json_t *root;

	wd_buf_reset(b);
	wd_writer_begin(&w, b, 64);
	wd_writer_open(&w, '[');
	wd_writer_key(&w, "");
	wd_writer_string(&w, s);
	wd_writer_close(&w, ']');
	wd_writer_end(&w);
	assert_int_equal(b->err, 0);
	assert_int_equal(b->data[b->len - 1], '\n');
	root = json_loadb(b->data, b->len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (!root)
		fail_msg("%s: %.*s", error.text, (int)b->len, b->data);
	return root;
}

static void assert_string(const char *in, const char *want)
{
	struct wd_buf b;
	json_t *root;

	wd_buf_init(&b, 1 << 20);
	root = round_trip(in, &b);
	assert_string_equal(json_string_value(json_array_get(root, 0)), want);
	json_decref(root);
	wd_buf_release(&b);
}

#define FFFD "\xef\xbf\xbd"

static void test_strings(void **state)
{
	static const char *const same[] = {
		"",
		"a",
		"1234567",
		"12345678",
		"123456789",
		"a \"quoted\" \\ back\\\\slash",
		"\n\r\t\b\f\x01\x1f\x7f",
		"1234567\"",
		"12345678\"",
		"gr\xc3\xbc\xc3\x9f",
		"\xf0\x9f\x98\x80",
		"\xe2\x80\xae\xe2\x80\xa8",
		"\xf3\xa0\x80\x81",
		"\xc2\x9b",
		"</script>",
		"/",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_string(same[i], same[i]);
	assert_string("\xff", FFFD);
	assert_string("a\xc0\xaf", "a" FFFD FFFD);
	assert_string("\xed\xa0\x80", FFFD FFFD FFFD);
	assert_string("12345678\xe2\x82", "12345678" FFFD FFFD);
	assert_string("\xe2\x82"
	              "a",
	              FFFD FFFD "a");
}

static void test_spelling(void **state)
{
	struct wd_buf b;

	(void)state;
	wd_buf_init(&b, 4096);
	json_decref(round_trip("\n\x1b\x7f\xc2\x9b\xe2\x80\xae\xf3\xa0\x80\x81\"\\", &b));
	wd_buf_putc(&b, '\0');
	assert_string_equal(b.data,
	                    "[\"\\n\\u001b\\u007f\\u009b\\u202e\\udb40\\udc01\\\"\\\\\"]\n");
	wd_buf_release(&b);
}

/* Whatever bytes: valid JSON, no control byte but the final newline, nothing hidden. */
static void test_random_strings(void **state)
{
	struct wd_buf b;

	(void)state;
	srandom(4);
	wd_buf_init(&b, 1 << 20);
	for (int round = 0; round < 20000; round++) {
		size_t n = (size_t)random() % 60;
		char in[61];

		for (size_t i = 0; i < n; i++) {
			in[i] = (char)(random() % 4 ? 0x20 + random() % 0x60 : random());
			in[i] = in[i] ? in[i] : '"';
		}
		in[n] = '\0';
		json_decref(round_trip(in, &b));
		for (size_t i = 0; i + 1 < b.len;) {
			unsigned int cp;
			size_t len = wd_text_utf8(b.data + i, b.len - i, &cp);

			assert_true(len > 0);
			assert_false(wd_text_is_hidden(cp));
			i += len;
		}
	}
	wd_buf_release(&b);
}

static void test_values(void **state)
{
	struct wd_addr a;
	struct wd_writer w;
	struct wd_buf b;

	(void)state;
	wd_addr_parse("fd00::1", &a);
	wd_buf_init(&b, 4096);
	wd_writer_begin(&w, &b, 1);
	wd_writer_open(&w, '{');
	wd_writer_key(&w, "\"a\":");
	wd_writer_u64(&w, 0);
	wd_writer_key(&w, "\"b\":");
	wd_writer_u64(&w, UINT64_MAX);
	wd_writer_key(&w, "\"c\":");
	wd_writer_open(&w, '[');
	wd_writer_key(&w, "");
	wd_writer_bool(&w, true);
	wd_writer_key(&w, "");
	wd_writer_bool(&w, false);
	wd_writer_key(&w, "");
	wd_writer_open(&w, '{');
	wd_writer_close(&w, '}');
	wd_writer_close(&w, ']');
	wd_writer_key(&w, "\"d\":");
	wd_writer_hex64(&w, 0xabc);
	wd_writer_key(&w, "\"e\":");
	wd_writer_addr(&w, &a);
	wd_writer_key(&w, "\"f\":");
	wd_writer_time(&w, 1);
	wd_writer_close(&w, '}');
	wd_writer_end(&w);
	wd_buf_putc(&b, '\0');
	assert_string_equal(b.data, "{\"a\":0,\"b\":18446744073709551615,\"c\":[true,false,{}],"
	                            "\"d\":\"0000000000000abc\",\"e\":\"fd00::1\","
	                            "\"f\":\"1970-01-01T00:00:00.000Z\"}\n");
	wd_buf_release(&b);
}

/* An object that does not fit leaves those before it as they were. */
static void test_whole_or_nothing(void **state)
{
	(void)state;
	for (size_t cap = 5; cap < 120; cap++) {
		struct wd_writer w;
		struct wd_buf b;

		wd_buf_init(&b, cap);
		wd_buf_puts(&b, "{}\n");
		wd_writer_begin(&w, &b, 1000);
		wd_writer_open(&w, '{');
		for (int i = 0; i < 4; i++) {
			wd_writer_key(&w, "\"key\":");
			wd_writer_string(&w, "value");
		}
		wd_writer_close(&w, '}');
		wd_writer_end(&w);
		if (b.err) {
			assert_int_equal(b.err, -ENOBUFS);
			assert_int_equal(b.len, 3);
		} else {
			assert_true(cap >= 3 + 2 + 4 * 13 + 3 + 1);
			assert_int_equal(b.len, 3 + 2 + 4 * 13 + 3 + 1);
		}
		assert_memory_equal(b.data, "{}\n", 3);
		wd_buf_release(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings),          cmocka_unit_test(test_spelling),
		cmocka_unit_test(test_random_strings),   cmocka_unit_test(test_values),
		cmocka_unit_test(test_whole_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

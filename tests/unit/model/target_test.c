/* SPDX-License-Identifier: Apache-2.0 */
#include "model/target.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct wd_targets targets;

static int add(const char *text)
{
	memset(&targets, 0, sizeof(targets));
	return wd_targets_add(&targets, text);
}

static bool match(const char *text, uint16_t port)
{
	struct wd_addr a;

	assert_int_equal(wd_addr_parse(text, &a), 0);
	return wd_targets_match(&targets, &a, port);
}

static void test_valid(void **state)
{
	static const struct {
		const char *text, *formatted;
		uint8_t bits;
		uint16_t port;
	} cases[] = {
		{"10.0.0.1", "10.0.0.1", 128, 0},
		{"10.0.0.1:443", "10.0.0.1:443", 128, 443},
		{"10.0.0.1/32", "10.0.0.1", 128, 0},
		{"10.0.0.0/8", "10.0.0.0/8", 104, 0},
		{"10.96.0.0/16:1", "10.96.0.0/16:1", 112, 1},
		{"10.96.0.0/16:65535", "10.96.0.0/16:65535", 112, 65535},
		{"0.0.0.0/0", "0.0.0.0/0", 96, 0},
		{"0.0.0.0/0:53", "0.0.0.0/0:53", 96, 53},
		{"fd00::1", "fd00::1", 128, 0},
		{"[fd00::1]", "fd00::1", 128, 0},
		{"[fd00::1]:443", "[fd00::1]:443", 128, 443},
		{"fd00::/64", "fd00::/64", 64, 0},
		{"[fd00::/64]:443", "[fd00::/64]:443", 64, 443},
		{"FD00::AB", "fd00::ab", 128, 0},
		{"::/0", "::/0", 0, 0},
		{"::1", "::1", 128, 0},
		/* the mapped form is the IPv4 address */
		{"::ffff:10.0.0.1", "10.0.0.1", 128, 0},
		{"[::ffff:10.0.0.1]:80", "10.0.0.1:80", 128, 80},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char buf[WD_TARGET_STRLEN];

		assert_int_equal(add(cases[i].text), 0);
		assert_int_equal(targets.n, 1);
		assert_false(targets.all);
		assert_int_equal(targets.t[0].prefix.bits, cases[i].bits);
		assert_int_equal(targets.t[0].port, cases[i].port);
		assert_string_equal(wd_target_format(&targets.t[0], buf), cases[i].formatted);
	}
}

/* What is printed can be typed again and means the same. */
static void test_format_is_a_target(void **state)
{
	static const char *const texts[] = {"10.0.0.1:443",    "10.0.0.0/8:80", "fd00::/64",
	                                    "[fd00::/64]:443", "[fd00::1]:443", "0.0.0.0/0"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char buf[WD_TARGET_STRLEN];
		struct wd_target first;

		assert_int_equal(add(texts[i]), 0);
		first = targets.t[0];
		assert_int_equal(add(wd_target_format(&first, buf)), 0);
		assert_memory_equal(&targets.t[0], &first, sizeof(first));
	}
}

static void test_invalid(void **state)
{
	static const struct {
		const char *text;
		int err; /* 0: either */
	} cases[] = {
		{"", -EINVAL},
		{" ", -EINVAL},
		{":443", -EINVAL},
		{"[]", -EINVAL},
		{"[]:443", -EINVAL},
		{"[", -EINVAL},
		{"]", -EINVAL},
		{"[fd00::1", -EINVAL},
		{"fd00::1]", -EINVAL},
		{"[fd00::1]443", -EINVAL},
		{"[fd00::1]:", -EINVAL},
		{"[fd00::1]:443]", 0},
		{"[[fd00::1]]:443", -EINVAL},
		{"[10.0.0.1]:443", -EINVAL}, /* brackets are for IPv6 */
		{"[10.0.0.1]", -EINVAL},
		{"10.0.0.1:", -EINVAL},
		{"10.0.0.1:0", -ERANGE},
		{"10.0.0.1:65536", -ERANGE},
		{"10.0.0.1:99999", -ERANGE},
		{"10.0.0.1:4294967739", -ERANGE}, /* 2^32 + 443 */
		{"10.0.0.1:000443", 0},
		{"10.0.0.1:-1", -EINVAL},
		{"10.0.0.1:+1", -EINVAL},
		{"10.0.0.1: 80", -EINVAL},
		{"10.0.0.1:80 ", -EINVAL},
		{"10.0.0.1:0x50", -EINVAL},
		{"10.0.0.1:http", -EINVAL},
		{"10.0.0.1:80:80", -EINVAL},
		{"10.0.0.1 ", -EINVAL},
		{" 10.0.0.1", -EINVAL},
		{"10.0.0.1\n", -EINVAL},
		{"10.0.0.1\t:80", -EINVAL},
		{"\x1b[31m10.0.0.1", -EINVAL},
		{"10.0.0.1\x7f", -EINVAL},
		{"10.0.0", -EINVAL},
		{"10.0.0.256", -EINVAL},
		{"010.0.0.1", -EINVAL}, /* octal in inet_aton() */
		{"10.0.0.1/", -EINVAL},
		{"10.0.0.1/33", -EINVAL},
		{"10.0.0.1/-1", -EINVAL},
		{"10.0.0.1/08", -EINVAL},
		{"10.0.0.1/24", -ERANGE}, /* host bits */
		{"10.0.0.1/0", -ERANGE},
		{"10.0.0.0/8/8", -EINVAL},
		{"10.0.0.0/8:443/8", -EINVAL},
		{"10.0.0.0:443/8", -EINVAL},
		{"fd00::1/64", -ERANGE},
		{"fd00::/129", -EINVAL},
		{"[fd00::]/64", -EINVAL},
		{"[fd00::]/64:443", -EINVAL},
		{"fe80::1%eth0", -EINVAL}, /* zones mean something on one node only */
		{"[fe80::1%2]:443", -EINVAL},
		{"fd00:::1", -EINVAL},
		{"1:2:3:4:5:6:7:8:9", -EINVAL},
		{"All", -EINVAL},
		{"all ", -EINVAL},
		{"all:443", -EINVAL},
		{"kubernetes.default", -EINVAL},
		{"*", -EINVAL},
		{"https://10.0.0.1", -EINVAL},
		{"10.0.0.0/8-10.1.0.0/8", -EINVAL},
		{"fd00:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:1",
	         -EINVAL},
		{"0000000000000000000000000000000000000000000000000000000000010.0.0.1", -EINVAL},
	};
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r = add(cases[i].text);

		if (r < 0 && (!cases[i].err || r == cases[i].err) && !targets.n && !targets.all)
			continue;
		wrong++;
		print_error("\"%s\": %d, expected %d\n", cases[i].text, r, cases[i].err);
	}
	assert_int_equal(wrong, 0);
}

/* Like the length of a prefix: a leading zero is a mistake or means octal. */
static void test_port_with_leading_zeros(void **state)
{
	(void)state;
	assert_true(add("10.0.0.1:00080") < 0);
	assert_true(add("10.0.0.1:080") < 0);
	assert_true(add("[fd00::1]:00443") < 0);
}

/* The first bad one leaves the good ones as they are. */
static void test_failure_leaves_the_list_alone(void **state)
{
	(void)state;
	assert_int_equal(add("10.96.0.0/16:443"), 0);
	assert_true(wd_targets_add(&targets, "10.96.0.1/16") < 0);
	assert_true(wd_targets_add(&targets, "10.0.0.1:0") < 0);
	assert_int_equal(targets.n, 1);
	assert_true(match("10.96.9.9", 443));
	assert_false(match("10.0.0.1", 0));
}

static void test_list_is_bounded(void **state)
{
	char text[32];

	(void)state;
	memset(&targets, 0, sizeof(targets));
	for (unsigned int i = 0; i < WD_TARGETS_MAX; i++) {
		snprintf(text, sizeof(text), "10.0.%u.%u", i / 256, i % 256);
		assert_int_equal(wd_targets_add(&targets, text), 0);
	}
	assert_int_equal(wd_targets_add(&targets, "10.1.0.0"), -ENOSPC);
	assert_int_equal(targets.n, WD_TARGETS_MAX);
	assert_int_equal(wd_targets_add(&targets, "all"), 0);
}

static void test_match(void **state)
{
	(void)state;
	assert_int_equal(add("10.96.0.0/16:443"), 0);
	assert_int_equal(wd_targets_add(&targets, "10.244.0.5"), 0);
	assert_int_equal(wd_targets_add(&targets, "fd00::/64"), 0);
	assert_true(match("10.96.0.0", 443));
	assert_true(match("10.96.255.255", 443));
	assert_true(match("::ffff:10.96.0.1", 443));
	assert_false(match("10.96.0.1", 444));
	assert_false(match("10.97.0.0", 443));
	assert_false(match("10.95.255.255", 443));
	assert_true(match("10.244.0.5", 1));
	assert_false(match("10.244.0.6", 1));
	assert_true(match("fd00::ffff", 9));
	assert_false(match("fd00:0:0:1::", 9));
	/* the same bytes in the other family are another address */
	assert_false(match("::10.244.0.5", 1));
}

static void test_nothing_matches_nothing(void **state)
{
	(void)state;
	memset(&targets, 0, sizeof(targets));
	assert_false(match("10.0.0.1", 443));
	assert_int_equal(wd_targets_add(&targets, "all"), 0);
	assert_true(match("10.0.0.1", 443));
	assert_true(match("fd00::1", 0));
}

static void test_longest_text_fits(void **state)
{
	char buf[WD_TARGET_STRLEN];

	(void)state;
	assert_int_equal(add("[1111:2222:3333:4444:5555:6666:7777:8888]:65535"), 0);
	assert_string_equal(wd_target_format(&targets.t[0], buf),
	                    "[1111:2222:3333:4444:5555:6666:7777:8888]:65535");
	assert_int_equal(add("[1111:2222:3333:4444:5555:6666:7777:8880/124]:65535"), 0);
	assert_string_equal(wd_target_format(&targets.t[0], buf),
	                    "[1111:2222:3333:4444:5555:6666:7777:8880/124]:65535");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_format_is_a_target),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_port_with_leading_zeros),
		cmocka_unit_test(test_failure_leaves_the_list_alone),
		cmocka_unit_test(test_list_is_bounded),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_nothing_matches_nothing),
		cmocka_unit_test(test_longest_text_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

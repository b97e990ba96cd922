/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"

static struct wd_addr addr(const char *s)
{
	struct wd_addr a;

	assert_int_equal(wd_addr_parse(s, &a), 0);
	return a;
}

static struct wd_prefix prefix(const char *s)
{
	struct wd_prefix p;

	assert_int_equal(wd_prefix_parse(s, &p), 0);
	return p;
}

static void test_v4_is_mapped(void **state)
{
	struct wd_addr a = wd_addr_from_v4(htonl(0x0a000001)), b = addr("10.0.0.1");

	(void)state;
	assert_true(wd_addr_equal(&a, &b));
	b = addr("::ffff:10.0.0.1");
	assert_true(wd_addr_equal(&a, &b));
	assert_true(wd_addr_is_v4(&a));
	assert_int_equal(ntohl(wd_addr_v4(&a)), 0x0a000001);
	b = addr("::10.0.0.1"); /* v4-compatible, RFC 4291 2.5.5.1: another thing */
	assert_false(wd_addr_is_v4(&b));
	assert_int_equal(wd_addr_v4(&b), 0);
}

static void test_kinds(void **state)
{
	static const struct {
		const char *text;
		bool any, loopback, multicast;
	} cases[] = {
		{"0.0.0.0", true, false, false},    {"::", true, false, false},
		{"127.0.0.1", false, true, false},  {"127.255.1.2", false, true, false},
		{"::1", false, true, false},        {"128.0.0.1", false, false, false},
		{"224.0.0.1", false, false, true},  {"239.255.255.255", false, false, true},
		{"240.0.0.1", false, false, false}, {"255.255.255.255", false, false, true},
		{"ff02::1", false, false, true},    {"fe80::1", false, false, false},
		{"::2", false, false, false},       {"::7f00:1", false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wd_addr a = addr(cases[i].text);

		assert_int_equal(wd_addr_is_any(&a), cases[i].any);
		assert_int_equal(wd_addr_is_loopback(&a), cases[i].loopback);
		assert_int_equal(wd_addr_is_multicast(&a), cases[i].multicast);
	}
}

static void test_parse_refuses(void **state)
{
	static const char *const bad[] = {
		"",          " ",           "10.0.0", "10.0.0.256",   "10.0.0.1 ",    " 10.0.0.1",
		"010.0.0.1", "10.0.0.1:80", "0x7f.1", "1.2.3.4.5",    "fe80::1%eth0", "[::1]",
		"::1::",     "12345::",     ":",      "::ffff:1.2.3", "1.2.3.4/8",    "localhost",
		"1",         "\xff",
	};
	struct wd_addr a;

	(void)state;
	memset(&a, 0xaa, sizeof(a));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(wd_addr_parse(bad[i], &a), -EINVAL);
	for (size_t i = 0; i < sizeof(a.b); i++)
		assert_int_equal(a.b[i], 0xaa);
}

static void test_prefix_parse(void **state)
{
	static const struct {
		const char *text, *shown;
		unsigned int bits;
	} good[] = {
		{"10.0.0.0/8", "10.0.0.0/8", 104},
		{"10.1.2.3", "10.1.2.3/32", 128},
		{"10.1.2.3/32", "10.1.2.3/32", 128},
		{"0.0.0.0/0", "0.0.0.0/0", 96},
		{"::/0", "::/0", 0},
		{"fd00:1::/32", "fd00:1::/32", 32},
		{"fd00::1", "fd00::1/128", 128},
		{"::ffff:10.0.0.0/104", "10.0.0.0/8", 104},
		{"10.128.0.0/9", "10.128.0.0/9", 105},
	};
	static const struct {
		const char *text;
		int err;
	} bad[] = {
		{"10.0.0.1/8", -ERANGE},
		{"10.0.0.0/33", -EINVAL},
		{"10.0.0.0/", -EINVAL},
		{"10.0.0.0/08", -EINVAL},
		{"10.0.0.0/+8", -EINVAL},
		{"10.0.0.0/ 8", -EINVAL},
		{"10.0.0.0/-1", -EINVAL},
		{"10.0.0.0/8 ", -EINVAL},
		{"/8", -EINVAL},
		{"::/129", -EINVAL},
		{"::1/127", -ERANGE},
		{"10.0.0.0/8/8", -EINVAL},
		{"::/0008", -EINVAL},
		{"10.0.0.0/4294967304", -EINVAL},
		{"10.64.0.0/9", -ERANGE},
		{"", -EINVAL},
		{"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb/8", -EINVAL},
		/* Shorter than the mapped prefix itself: ffff is behind it. */
		{"::ffff:0.0.0.0/80", -ERANGE},
	};
	char text[WD_PREFIX_STRLEN];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct wd_prefix p = prefix(good[i].text);

		assert_int_equal(p.bits, good[i].bits);
		assert_string_equal(wd_prefix_format(&p, text), good[i].shown);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct wd_prefix p = {.bits = 77};

		assert_int_equal(wd_prefix_parse(bad[i].text, &p), bad[i].err);
		assert_int_equal(p.bits, 77);
	}
}

static void test_prefix_contains(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool yes;
	} cases[] = {
		{"10.0.0.0/8", "10.255.255.255", true},
		{"10.0.0.0/8", "11.0.0.0", false},
		{"10.128.0.0/9", "10.128.0.1", true},
		{"10.128.0.0/9", "10.127.255.255", false},
		{"10.0.0.1", "10.0.0.1", true},
		{"10.0.0.1", "10.0.0.0", false},
		{"0.0.0.0/0", "255.1.2.3", true},
		{"0.0.0.0/0", "fd00::1", false},
		{"::/0", "10.0.0.1", true},
		{"fd00::/8", "fd12::1", true},
		{"fd00::/8", "fe00::1", false},
		{"fd00::2/127", "fd00::3", true},
		{"fd00::2/127", "fd00::4", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wd_prefix p = prefix(cases[i].prefix);
		struct wd_addr a = addr(cases[i].addr);

		assert_int_equal(wd_prefix_contains(&p, &a), cases[i].yes);
	}
}

static void test_prefix_hostile_bits(void **state)
{
	struct wd_prefix p = {.addr = addr("10.0.0.1"), .bits = 255};
	struct wd_addr a = addr("10.0.0.1");
	char text[WD_PREFIX_STRLEN];

	(void)state;
	assert_true(wd_prefix_contains(&p, &a));
	assert_string_equal(wd_prefix_format(&p, text), "10.0.0.1/32");
	p.bits = 90; /* no IPv4 prefix can say this */
	assert_string_equal(wd_prefix_format(&p, text), "::ffff:a00:1/90");
}

/* The C library is the oracle. It prints ::ffff:0:0/96 and ::/96 with dots, which we do for the
 * first one only. */
static void test_format_like_inet_ntop(void **state)
{
	char ours[WD_ADDR_STRLEN], theirs[INET6_ADDRSTRLEN];
	struct wd_addr a, back;

	(void)state;
	srandom(1);
	for (int i = 0; i < 50000; i++) {
		unsigned int zeros = (unsigned int)random();

		for (int j = 0; j < 16; j++)
			a.b[j] = zeros >> (j / 2) & 1 ? 0 : (uint8_t)(random() >> (random() % 8));
		a.b[0] |= 1;
		inet_ntop(AF_INET6, a.b, theirs, sizeof(theirs));
		assert_string_equal(wd_addr_format(&a, ours), theirs);
		assert_int_equal(wd_addr_parse(ours, &back), 0);
		assert_true(wd_addr_equal(&a, &back));
	}
	for (int i = 0; i < 10000; i++) {
		uint32_t be = (uint32_t)random() << 1;

		a = wd_addr_from_v4(be);
		inet_ntop(AF_INET, &be, theirs, sizeof(theirs));
		assert_string_equal(wd_addr_format(&a, ours), theirs);
	}
}

static void test_format_cases(void **state)
{
	static const char *const same[] = {
		"::",
		"::1",
		"1::",
		"fd00::1:0:0:1",
		"1:0:2:3:4:5:6:7",
		"0:1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8",
		"1:2:3:4:5:6::",
		"255.255.255.255",
		"0.0.0.0",
		"100.20.3.0",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	};
	char text[WD_ADDR_STRLEN];

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct wd_addr a = addr(same[i]);

		assert_string_equal(wd_addr_format(&a, text), same[i]);
	}
}

static void test_endpoint(void **state)
{
	struct wd_addr v4 = addr("1.2.3.4"), v6 = addr("::1");
	struct wd_addr longest = addr("1111:2222:3333:4444:5555:6666:7777:8888");
	char text[WD_ENDPOINT_STRLEN];

	(void)state;
	assert_string_equal(wd_endpoint_format(&v4, 80, text), "1.2.3.4:80");
	assert_string_equal(wd_endpoint_format(&v4, 0, text), "1.2.3.4");
	assert_string_equal(wd_endpoint_format(&v6, 80, text), "[::1]:80");
	assert_string_equal(wd_endpoint_format(&v6, 0, text), "::1");
	assert_string_equal(wd_endpoint_format(&longest, 65535, text),
	                    "[1111:2222:3333:4444:5555:6666:7777:8888]:65535");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v4_is_mapped),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_prefix_parse),
		cmocka_unit_test(test_prefix_contains),
		cmocka_unit_test(test_prefix_hostile_bits),
		cmocka_unit_test(test_format_like_inet_ntop),
		cmocka_unit_test(test_format_cases),
		cmocka_unit_test(test_endpoint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

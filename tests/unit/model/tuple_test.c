/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "model/tuple.h"

static struct wd_tuple tuple(const char *s, uint16_t sport, const char *d, uint16_t dport)
{
	struct wd_tuple t = {.sport = sport, .dport = dport, .proto = WD_PROTO_TCP};

	assert_int_equal(wd_addr_parse(s, &t.saddr), 0);
	assert_int_equal(wd_addr_parse(d, &t.daddr), 0);
	return t;
}

static void test_proto_name(void **state)
{
	(void)state;
	assert_string_equal(wd_proto_name(WD_PROTO_TCP), "tcp");
	assert_string_equal(wd_proto_name(WD_PROTO_UDP), "udp");
	assert_string_equal(wd_proto_name(WD_PROTO_ICMP), "icmp");
	assert_string_equal(wd_proto_name(WD_PROTO_ICMPV6), "icmpv6");
	assert_string_equal(wd_proto_name(WD_PROTO_SCTP), "sctp");
	assert_null(wd_proto_name(0));
	assert_null(wd_proto_name(255));
}

static void test_reverse(void **state)
{
	struct wd_tuple t = tuple("10.0.0.1", 1000, "fd00::2", 443);
	struct wd_tuple r = wd_tuple_reverse(&t), back = wd_tuple_reverse(&r);

	(void)state;
	assert_false(wd_tuple_equal(&t, &r));
	assert_true(wd_tuple_equal(&t, &back));
	assert_int_equal(r.sport, 443);
	assert_int_equal(r.dport, 1000);
	assert_int_equal(r.proto, WD_PROTO_TCP);
	assert_true(wd_addr_equal(&r.saddr, &t.daddr));
	assert_true(wd_addr_equal(&r.daddr, &t.saddr));
}

static void test_equal_and_hash_ignore_padding(void **state)
{
	struct wd_tuple a, b;
	struct wd_tuple t = tuple("10.0.0.1", 1000, "10.0.0.2", 443);

	(void)state;
	memset(&a, 0x00, sizeof(a));
	memset(&b, 0xff, sizeof(b));
	a.saddr = b.saddr = t.saddr;
	a.daddr = b.daddr = t.daddr;
	a.sport = b.sport = t.sport;
	a.dport = b.dport = t.dport;
	a.proto = b.proto = t.proto;
	assert_true(wd_tuple_equal(&a, &b));
	assert_int_equal(wd_tuple_hash(&a), wd_tuple_hash(&b));
}

static void test_every_field_counts(void **state)
{
	struct wd_tuple t = tuple("10.0.0.1", 1000, "10.0.0.2", 443), o;

	(void)state;
	for (int field = 0; field < 5; field++) {
		o = t;
		switch (field) {
		case 0:
			o.saddr.b[15]++;
			break;
		case 1:
			o.daddr.b[0]++;
			break;
		case 2:
			o.sport++;
			break;
		case 3:
			o.dport++;
			break;
		default:
			o.proto++;
		}
		assert_false(wd_tuple_equal(&t, &o));
		assert_int_not_equal(wd_tuple_hash(&t), wd_tuple_hash(&o));
	}
}

/* Neighbouring ports of one client, the common case, must not share few buckets. */
static void test_hash_spreads(void **state)
{
	enum { BUCKETS = 1024, TUPLES = 32 * BUCKETS };
	struct wd_tuple t = tuple("10.244.0.5", 0, "10.96.0.1", 443);
	unsigned int low[BUCKETS] = {0}, high[BUCKETS] = {0};

	(void)state;
	for (unsigned int i = 0; i < TUPLES; i++) {
		uint32_t h;

		t.sport = (uint16_t)(32768 + i);
		h = wd_tuple_hash(&t);
		low[h % BUCKETS]++;
		high[h >> 22]++;
	}
	for (unsigned int i = 0; i < BUCKETS; i++) {
		assert_in_range(low[i], 8, 72);
		assert_in_range(high[i], 8, 72);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proto_name),
		cmocka_unit_test(test_reverse),
		cmocka_unit_test(test_equal_and_hash_ignore_padding),
		cmocka_unit_test(test_every_field_counts),
		cmocka_unit_test(test_hash_spreads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The records about packets and about witnesses: fields, and values that cannot be. */
#include "records.h"

static void test_packet_fields(void **state)
{
	union record r = valid(WD_ABI_PACKET);
	struct wd_event e = parsed(&r);

	(void)state;
	assert_int_equal(e.packet.sight, WD_SIGHT_OUT);
	assert_int_equal(e.packet.ifindex, 12);
	assert_string_equal(e.packet.device, ""); /* the reader's to find out */
	assert_int_equal(e.packet.seq, 0xfffffffe);
	assert_int_equal(e.packet.ack, 77);
	assert_int_equal(e.packet.len, 60);
	assert_int_equal(e.packet.tcp_flags, 2);
	assert_int_equal(e.packet.ttl, 63);
	assert_false(e.packet.icmp_error);
	assert_false(e.packet.dns);
	assert_false(e.packet.has_ct);

	r.packet.flags = WD_ABI_PACKET_ICMP;
	r.packet.icmp_type = 11;
	r.packet.icmp_code = 1;
	memcpy(r.packet.icmp_from, r.packet.tuple.daddr, 16);
	e = parsed(&r);
	assert_true(e.packet.icmp_error);
	assert_false(e.packet.dns);
	assert_int_equal(e.packet.icmp_type, 11);
	assert_int_equal(e.packet.icmp_code, 1);
	assert_true(wd_addr_equal(&e.packet.icmp_from, &e.tuple.daddr));

	r.packet.flags = WD_ABI_PACKET_DNS;
	r.packet.dns_id = 0xbeef;
	r.packet.dns_flags = 0x8183;
	r.packet.ct_orig = r.packet.ct_reply = abi_tuple(WD_PROTO_UDP);
	r.packet.ct_reply.sport = 5353;
	e = parsed(&r);
	assert_true(e.packet.dns);
	assert_false(e.packet.icmp_error);
	assert_int_equal(e.packet.dns_id, 0xbeef);
	assert_int_equal(e.packet.dns_flags, 0x8183);
	assert_true(e.packet.has_ct);
	assert_int_equal(e.packet.ct_orig.dport, 443);
	assert_int_equal(e.packet.ct_reply.sport, 5353);
}

static void test_snap_fields(void **state)
{
	union record r = valid(WD_ABI_SNAP);
	struct wd_event e = parsed(&r);

	(void)state;
	assert_int_equal(e.snap.sight, WD_SIGHT_DROP);
	assert_int_equal(e.snap.ifindex, 3);
	assert_int_equal(e.snap.netns, 4026531840u);
	assert_string_equal(e.snap.device, "veth1");
	assert_string_equal(e.snap.reason, "NETFILTER_DROP");
	assert_null(e.snap.function);
	assert_int_equal(e.snap.len, 1500);
	assert_int_equal(e.snap.caplen, 60);
	assert_int_equal(e.snap.data[59], 0x45);
	assert_int_equal(e.snap.data[60], 0); /* never what lies behind the headers */
	/* what a hook saw go by was not freed: it has no reason */
	r.snap.sight = WD_ABI_SIGHT_IN;
	assert_null(parsed(&r).snap.reason);
	r.snap.ct_orig = abi_tuple(WD_PROTO_TCP);
	assert_true(parsed(&r).snap.has_ct);
	assert_int_equal(parsed(&r).snap.ct_orig.sport, 40000);
}

static void test_icmp_and_listen_fields(void **state)
{
	union record r = valid(WD_ABI_ICMP);
	struct wd_event e = parsed(&r);

	(void)state;
	assert_int_equal(e.icmp.type, 3);
	assert_int_equal(e.icmp.code, 4);
	assert_int_equal(e.icmp.info, 1400);
	assert_int_equal(e.icmp.netns, 4026531840u);
	assert_false(e.icmp.has_ct);
	r.icmp.ct_orig = abi_tuple(WD_PROTO_TCP);
	assert_true(parsed(&r).icmp.has_ct);

	r = valid(WD_ABI_LISTEN);
	e = parsed(&r);
	assert_int_equal(e.listen.kind, WD_LISTEN_ACCEPT_ACK);
	assert_int_equal(e.listen.backlog, 129);
	assert_int_equal(e.listen.max, 128);
	assert_int_equal(e.listen.netns, 4026532002u);
}

static void test_verdict_fields(void **state)
{
	union record r = valid(WD_ABI_VERDICT);
	struct wd_event e = parsed(&r);
	const char *table = e.verdict.table;

	(void)state;
	assert_int_equal(e.verdict.by, WD_BY_NFT);
	assert_int_equal(e.verdict.hook, WD_HOOK_FORWARD);
	assert_int_equal(e.verdict.netns, 4026531840u);
	assert_string_equal(e.verdict.family, "ip");
	assert_string_equal(table, "filter");
	assert_string_equal(e.verdict.chain, "FORWARD");
	assert_null(e.verdict.function);
	assert_false(e.verdict.has_ct);
	/* the names outlive the record, each once */
	memcpy(r.verdict.chain, "INPUT\0\0", 7);
	assert_ptr_equal(parsed(&r).verdict.table, table);
	assert_string_equal(parsed(&r).verdict.chain, "INPUT");
	r.verdict.table[0] = r.verdict.chain[0] = '\0';
	assert_null(parsed(&r).verdict.table);
	assert_null(parsed(&r).verdict.chain);
	r.verdict.ct_orig = abi_tuple(WD_PROTO_TCP);
	assert_true(parsed(&r).verdict.has_ct);
	r.verdict.by = WD_ABI_BY_OTHER;
	assert_int_equal(parsed(&r).verdict.by, WD_BY_OTHER);
}

/* iptables-legacy: the chain has the name of its hook, whatever the record holds. */
static void test_chain_of_a_legacy_table(void **state)
{
	static const char *const chains[] = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT",
	                                     "POSTROUTING"};
	union record r = valid(WD_ABI_VERDICT);

	(void)state;
	r.verdict.by = WD_ABI_BY_XTABLE;
	memcpy(r.verdict.chain, "elsewhere", 9);
	for (uint8_t hook = 0; hook < 5; hook++) {
		r.verdict.hook = hook;
		assert_int_equal(parsed(&r).verdict.by, WD_BY_XTABLE);
		assert_string_equal(parsed(&r).verdict.chain, chains[hook]);
	}
	r.verdict.hook = 0xff;
	assert_null(parsed(&r).verdict.chain);
}

static void test_sight_out_of_range(void **state)
{
	struct wd_event e;

	(void)state;
	for (unsigned int v = 0; v <= UINT8_MAX; v++) {
		union record r = valid(WD_ABI_PACKET);
		int want = v > WD_ABI_SIGHT_DROP && v < WD_ABI_SIGHT_MAX ? 0 : -EPROTO;

		r.packet.sight = (uint8_t)v;
		assert_int_equal(parse(&r, sizes[WD_ABI_PACKET], &e), want);
		r = valid(WD_ABI_SNAP);
		r.snap.sight = (uint8_t)v;
		assert_int_equal(parse(&r, sizes[WD_ABI_SNAP], &e),
		                 v < WD_ABI_SIGHT_MAX ? 0 : -EPROTO);
	}
}

static void test_more_captured_than_there_is_room(void **state)
{
	static const uint16_t too_long[] = {WD_SNAP_LEN + 1, 0x100, 0x8000, UINT16_MAX};
	union record r = valid(WD_ABI_SNAP);
	struct wd_event e;

	(void)state;
	assert_int_equal(sizeof(e.snap.data), WD_SNAP_LEN);
	for (size_t i = 0; i < sizeof(too_long) / sizeof(too_long[0]); i++) {
		r.snap.caplen = too_long[i];
		assert_int_equal(parse(&r, sizes[WD_ABI_SNAP], &e), -EPROTO);
	}
	r.snap.caplen = WD_SNAP_LEN;
	assert_int_equal(parsed(&r).snap.data[WD_SNAP_LEN - 1], 0x45);
	r.snap.caplen = 0;
	assert_int_equal(parsed(&r).snap.data[0], 0);
	/* a packet is never shorter than what was taken of it */
	r.snap.caplen = 60;
	r.snap.len = 20;
	assert_int_equal(parsed(&r).snap.len, 60);
	r.snap.len = UINT32_MAX;
	assert_int_equal(parsed(&r).snap.len, UINT32_MAX);
}

static void test_kind_of_listener_out_of_range(void **state)
{
	(void)state;
	for (unsigned int v = 0; v <= UINT8_MAX; v++) {
		union record r = valid(WD_ABI_LISTEN);
		struct wd_event e;
		bool good = v >= WD_ABI_LISTEN_SYN && v <= WD_ABI_LISTEN_ACK;

		r.listen.kind = (uint8_t)v;
		assert_int_equal(parse(&r, sizes[WD_ABI_LISTEN], &e), good ? 0 : -EPROTO);
		if (good)
			assert_int_equal(e.listen.kind, v);
	}
}

static void test_decider_out_of_range(void **state)
{
	(void)state;
	for (unsigned int v = 0; v <= UINT8_MAX; v++) {
		union record r = valid(WD_ABI_VERDICT);
		struct wd_event e;

		r.verdict.by = (uint8_t)v;
		assert_int_equal(parse(&r, sizes[WD_ABI_VERDICT], &e),
		                 v <= WD_ABI_BY_NFT ? 0 : -EPROTO);
		/* who decided is never unknown in a record that is believed */
		if (v <= WD_ABI_BY_NFT)
			assert_int_not_equal(e.verdict.by, WD_BY_UNKNOWN);
	}
}

/* Hooks and families that this program does not know are unknown; none is invented. */
static void test_every_hook_and_family(void **state)
{
	static const char *const family[] = {[1] = "inet",   [2] = "ip",     [3] = "arp",
	                                     [5] = "netdev", [7] = "bridge", [10] = "ip6"};
	union record r = valid(WD_ABI_VERDICT);

	(void)state;
	for (unsigned int v = 0; v <= UINT8_MAX; v++) {
		const char *want = v < sizeof(family) / sizeof(family[0]) ? family[v] : NULL;
		const char *got;

		r.verdict.pf = (uint8_t)v;
		r.verdict.hook = 2;
		got = parsed(&r).verdict.family;
		if (want)
			assert_string_equal(got, want);
		else
			assert_null(got);
		r.verdict.pf = 2;
		r.verdict.hook = (uint8_t)v;
		assert_int_equal(parsed(&r).verdict.hook,
		                 v < 5 ? WD_HOOK_PREROUTING + v : WD_HOOK_UNKNOWN);
	}
	/* hook 0 of a device is its ingress, of ARP its input: neither is PREROUTING */
	r.verdict.hook = 0;
	for (r.verdict.pf = 3; r.verdict.pf <= 5; r.verdict.pf += 2)
		assert_int_equal(parsed(&r).verdict.hook, WD_HOOK_UNKNOWN);
}

/* More names than are kept, or none: the verdict is told without them. */
static void test_names_are_bounded(void **state)
{
	struct wd_intern *kept = names.strings;
	union record r = valid(WD_ABI_VERDICT);
	unsigned int n_named = 0;

	(void)state;
	assert_int_equal(wd_intern_new(5, &names.strings), 0);
	for (unsigned int i = 0; i < 20; i++) {
		struct wd_event e;

		memset(r.verdict.chain, 'a' + (int)i, 8);
		e = parsed(&r);
		assert_string_equal(e.verdict.table, "filter");
		n_named += e.verdict.chain != NULL;
	}
	assert_int_equal(n_named, 4);
	wd_intern_free(names.strings);
	names.strings = NULL;
	assert_null(parsed(&r).verdict.table);
	assert_null(parsed(&r).verdict.chain);
	names.strings = kept;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packet_fields),
		cmocka_unit_test(test_snap_fields),
		cmocka_unit_test(test_icmp_and_listen_fields),
		cmocka_unit_test(test_verdict_fields),
		cmocka_unit_test(test_chain_of_a_legacy_table),
		cmocka_unit_test(test_sight_out_of_range),
		cmocka_unit_test(test_more_captured_than_there_is_room),
		cmocka_unit_test(test_kind_of_listener_out_of_range),
		cmocka_unit_test(test_decider_out_of_range),
		cmocka_unit_test(test_every_hook_and_family),
		cmocka_unit_test(test_names_are_bounded),
	};

	return cmocka_run_group_tests(tests, kernel_open, kernel_close);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packet hooks' programs in the running kernel, by BPF_PROG_TEST_RUN: which frames they
 * tell of and what, by tc and by XDP alike, and that every frame comes out as it went in.
 * Skipped without the rights to load them.
 */
#include <stdlib.h>

#include "tests/unit/probe/frames.h"

/* ---- TCP ------------------------------------------------------------------------------- */

static void test_tcp4(void **state)
{
	needs_kernel();
	ethernet(0x0800);
	ip4(6, 20);
	tcp(SYN);
	assert_true(told());
	assert_int_equal(packet.tuple.proto, 6);
	assert_int_equal(packet.tuple.sport, 40000);
	assert_int_equal(packet.tuple.dport, 443);
	assert_memory_equal(packet.tuple.saddr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", 16);
	assert_memory_equal(packet.tuple.daddr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\2", 16);
	assert_int_equal(packet.tcp_flags, SYN);
	assert_int_equal(packet.seq, 0x11223344);
	assert_int_equal(packet.ack, 0x55667788);
	assert_int_equal(packet.ttl, 61);
	assert_int_equal(packet.len, 40);
	assert_int_equal(packet.flags, 0);
	assert_snap(14, 40);
	assert_int_equal(snap.len, 40);
}

static void test_tcp_flags(void **state)
{
	needs_kernel();
	for (unsigned int flags = 0; flags < 64; flags++) {
		ethernet(0x0800);
		ip4(6, 20);
		tcp(flags);
		assert_int_equal(told(), (flags & (FIN | SYN | RST)) != 0);
		ethernet(0x86dd);
		ip6(6, 20);
		tcp(flags);
		assert_int_equal(told(), (flags & (FIN | SYN | RST)) != 0);
	}
}

static void test_options_are_kept_payload_is_not(void **state)
{
	needs_kernel();
	ethernet(0x0800);
	ip4_with(6, 40 + 11, 3, 0);
	tcp_with(SYN, 5);
	bytes("secret data", 11);
	assert_true(told());
	assert_int_equal(packet.tuple.dport, 443);
	assert_int_equal(packet.len, 32 + 40 + 11);
	assert_snap(14, 32 + 40);
	/* the longest headers: 60 and 60 */
	ethernet(0x0800);
	ip4_with(6, 60, 10, 0);
	tcp_with(FIN | ACK, 10);
	assert_true(told());
	assert_snap(14, 120);
	/* longer than a snap */
	ethernet(0x86dd);
	ip6(0, 48 + 60);
	extension(6, 5);
	tcp_with(SYN, 10);
	assert_true(told());
	assert_snap(14, 128);
}

static void test_padding_is_not_the_packet(void **state)
{
	needs_kernel();
	ethernet(0x0800);
	ip4(6, 20);
	tcp(RST | ACK);
	zeros(6);
	assert_true(told());
	assert_int_equal(packet.len, 40);
	/* flags that lie in the padding */
	ethernet(0x0800);
	ip4(6, 8);
	tcp(SYN);
	assert_false(told());
}

static void test_lengths_that_lie(void **state)
{
	needs_kernel();
	ethernet(0x0800);
	ip4(6, 21); /* one more than there is */
	tcp(SYN);
	assert_false(told());
	ethernet(0x0800);
	ip4(6, 20);
	tcp(SYN);
	f.b[14 + 20 + 12] = 4 << 4; /* header shorter than it can be */
	assert_false(told());
	f.b[14 + 20 + 12] = 6 << 4; /* longer than the packet */
	assert_false(told());
	f.b[14 + 20 + 12] = 5 << 4;
	assert_true(told());
	f.b[14] = 0x44;
	assert_false(told());
	f.b[14] = 0x65;
	assert_false(told());
	/* no length: a GSO packet beyond 64 KiB */
	f.b[14] = 0x45;
	f.b[16] = f.b[17] = 0;
	assert_true(told());
	assert_int_equal(packet.len, 40);
	ethernet(0x86dd);
	ip6(6, 21);
	tcp(SYN);
	assert_false(told());
}

static void test_every_cut(void **state)
{
	struct frame whole;

	needs_kernel();
	ethernet(0x86dd);
	ip6(0, 16 + 20);
	extension(60, 0);
	extension(6, 0);
	tcp(SYN);
	assert_true(told());
	whole = f;
	for (f.len = 14; f.len < whole.len; f.len++)
		assert_false(told());
}

/* ---- layers below ------------------------------------------------------------------------ */

static void test_tags(void **state)
{
	needs_kernel();
	ethernet(0x8100);
	tag(0x0800);
	ip4(6, 20);
	tcp(SYN);
	assert_true(told());
	assert_snap(18, 40);
	ethernet(0x88a8);
	tag(0x8100);
	tag(0x86dd);
	ip6(6, 20);
	tcp(SYN);
	assert_true(told());
	assert_snap(22, 60);
	ethernet(0x8100);
	tag(0x8100);
	tag(0x8100);
	tag(0x0800);
	ip4(6, 20);
	tcp(SYN);
	assert_false(told());
}

static void test_other_ethertypes(void **state)
{
	static const unsigned int types[] = {0x0806, 0x8847, 0x8864, 0x0005, 0x0000, 0xffff};

	needs_kernel();
	for (unsigned int i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		ethernet(types[i]);
		ip4(6, 20);
		tcp(SYN);
		assert_false(told());
	}
	/* the type says one version, the packet the other */
	ethernet(0x86dd);
	ip4(6, 20);
	tcp(SYN);
	zeros(40);
	assert_false(told());
}

static void test_fragments(void **state)
{
	needs_kernel();
	ethernet(0x0800);
	ip4_with(6, 20, 0, 0x2000); /* the first of some */
	tcp(SYN);
	assert_true(told());
	ethernet(0x0800);
	ip4_with(6, 20, 0, 0x2001);
	tcp(SYN);
	assert_false(told());
	ethernet(0x86dd);
	ip6(44, 28);
	fragment(6, 0);
	tcp(SYN);
	assert_true(told());
	assert_snap(14, 68);
	ethernet(0x86dd);
	ip6(44, 28);
	fragment(6, 1);
	tcp(SYN);
	assert_false(told());
}

static void test_extension_headers(void **state)
{
	needs_kernel();
	ethernet(0x86dd);
	ip6(0, 8 + 24 + 8 + 8 + 20);
	extension(43, 0);
	extension(60, 2);
	extension(44, 0);
	fragment(6, 0);
	tcp(SYN);
	assert_true(told());
	assert_int_equal(packet.tuple.dport, 443);
	/* more than any packet has a reason to bear */
	ethernet(0x86dd);
	ip6(0, 5 * 8 + 20);
	for (unsigned int i = 0; i < 4; i++)
		extension(60, 0);
	extension(6, 0);
	tcp(SYN);
	assert_false(told());
	/* one that is longer than the packet */
	ethernet(0x86dd);
	ip6(0, 28);
	u8(6);
	u8(255);
	zeros(6);
	tcp(SYN);
	assert_false(told());
}

/* ---- DNS --------------------------------------------------------------------------------- */

static void test_dns(void **state)
{
	needs_kernel();
	for (unsigned int answer = 0; answer < 2; answer++) {
		ethernet(0x0800);
		ip4(17, 8 + 20);
		udp(answer ? 53 : 5353, answer ? 5353 : 53, 20);
		dns();
		assert_true(told());
		assert_int_equal(packet.flags, WD_ABI_PACKET_DNS);
		assert_int_equal(packet.dns_id, 0xbeef);
		assert_int_equal(packet.dns_flags, 0x8183);
		assert_int_equal(packet.tuple.dport, answer ? 5353 : 53);
		assert_int_equal(packet.seq, 0);
		assert_snap(14, 28);
	}
	ethernet(0x0800);
	ip4(17, 8 + 20);
	udp(5353, 5354, 20);
	dns();
	assert_false(told());
	ethernet(0x0800);
	ip4(17, 8 + 3); /* too short to be DNS */
	udp(5353, 53, 3);
	u16(0xbeef);
	u8(0x81);
	assert_false(told());
}

/* ---- ICMP -------------------------------------------------------------------------------- */

static void test_icmp4(void **state)
{
	needs_kernel();
	ethernet(0x0800);
	ip4(1, 8 + 24 + 8);
	icmp(3, 13);
	ip4_with(6, 2000, 1, 0); /* it quotes 8 bytes of something longer */
	tcp_start();
	memcpy(f.b + 14 + 12, "\xc0\0\2\x63", 4); /* from 192.0.2.99 */
	f.b[14 + 28 + 8] = 3;                     /* a hop limit of its own */
	assert_true(told());
	assert_int_equal(packet.flags, WD_ABI_PACKET_ICMP);
	assert_int_equal(packet.icmp_type, 3);
	assert_int_equal(packet.icmp_code, 13);
	assert_memory_equal(packet.icmp_from, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\x63", 16);
	assert_memory_equal(packet.tuple.saddr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", 16);
	assert_int_equal(packet.tuple.proto, 6);
	assert_int_equal(packet.tuple.dport, 443);
	assert_int_equal(packet.seq, 0x11223344);
	assert_int_equal(packet.tcp_flags, 0);
	assert_int_equal(packet.ttl, 61);
	assert_int_equal(packet.len, 20 + 8 + 24 + 8);
	assert_snap(14, 20 + 8 + 24 + 8);
}

static void test_icmp6(void **state)
{
	needs_kernel();
	ethernet(0x86dd);
	ip6(58, 8 + 40 + 8 + 8 + 100);
	icmp(1, 4);
	ip6(60, 500);
	extension(17, 0);
	udp(40000, 8472, 472);
	for (unsigned int i = 0; i < 100; i++)
		u8('x');
	assert_true(told());
	assert_int_equal(packet.tuple.proto, 17);
	assert_int_equal(packet.tuple.dport, 8472);
	assert_int_equal(packet.icmp_type, 1);
	assert_snap(14, 40 + 8 + 40 + 8 + 8);
}

static bool told_icmp(bool v6, unsigned int type, unsigned int quoted_proto)
{
	ethernet(v6 ? 0x86dd : 0x0800);
	if (v6)
		ip6(58, 8 + 40 + 8);
	else
		ip4(1, 8 + 20 + 8);
	icmp(type, 0);
	if (v6)
		ip6(quoted_proto, 20);
	else
		ip4(quoted_proto, 20);
	tcp_start();
	return told();
}

static void test_icmp_types(void **state)
{
	needs_kernel();
	for (unsigned int type = 0; type < 256; type++) {
		assert_int_equal(told_icmp(false, type, 6), type == 3 || type == 11 || type == 12);
		assert_int_equal(told_icmp(true, type, 17), type >= 1 && type <= 4);
	}
	assert_false(told_icmp(false, 3, 1));
	assert_false(told_icmp(true, 1, 58));
	assert_false(told_icmp(false, 3, 132));
}

static void test_icmp_of_the_other_version(void **state)
{
	needs_kernel();
	ethernet(0x0800);
	ip4(58, 8 + 20 + 8);
	icmp(3, 0);
	ip4(6, 20);
	tcp_start();
	assert_false(told());
	ethernet(0x0800);
	ip4(1, 8 + 40 + 8);
	icmp(3, 0);
	ip6(6, 20);
	tcp_start();
	assert_false(told());
}

static void test_icmp_quotes_too_little(void **state)
{
	needs_kernel();
	ethernet(0x0800);
	ip4(1, 8 + 20 + 7);
	icmp(3, 0);
	ip4(6, 20);
	tcp_start();
	assert_false(told());
	ethernet(0x0800);
	ip4(1, 8 + 20 + 8);
	icmp(3, 0);
	ip4_with(6, 20, 0, 1); /* a later fragment has no ports */
	tcp_start();
	assert_false(told());
}

/* ---- whom they serve ---------------------------------------------------------------------- */

static struct wd_wire_count count(void)
{
	int cpus = libbpf_num_possible_cpus();
	struct wd_wire_count *c = calloc((size_t)cpus, sizeof(*c)), sum = {0, 0, 0};
	uint32_t zero = 0;

	assert_non_null(c);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(skel->maps.wd_wire_counts), &zero, c), 0);
	for (int i = 0; i < cpus; i++) {
		sum.seen += c[i].seen;
		sum.delivered += c[i].delivered;
		sum.lost += c[i].lost;
	}
	free(c);
	return sum;
}

static void test_targets_and_watched(void **state)
{
	struct wd_abi_host_key host = {.port = 443};
	struct wd_abi_tuple t;
	uint8_t one = 1;

	needs_kernel();
	ethernet(0x0800);
	ip4(6, 20);
	tcp(SYN);
	assert_true(told());
	t = packet.tuple;
	skel->bss->wd_match = WD_MATCH_HOSTS | WD_MATCH_HOST_PORT;
	assert_false(told());
	/* either end */
	for (unsigned int i = 0; i < 2; i++) {
		memcpy(host.addr, i ? t.saddr : t.daddr, 16);
		host.port = i ? t.sport : t.dport;
		assert_int_equal(
			bpf_map_update_elem(bpf_map__fd(skel->maps.wd_hosts), &host, &one, BPF_ANY),
			0);
		assert_true(told());
		assert_int_equal(bpf_map_delete_elem(bpf_map__fd(skel->maps.wd_hosts), &host), 0);
	}
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(skel->maps.wd_wire_watched), &t, &one, BPF_ANY), 0);
	assert_false(told());
	skel->bss->wd_wire_has_watched = 1;
	assert_true(told());
	skel->bss->wd_wire_has_watched = 0;
	skel->bss->wd_match = WD_MATCH_ALL;
}

static void test_silent_owner(void **state)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f.b, .repeat = 1);
	struct wd_wire_count before, after;

	needs_kernel();
	ethernet(0x0800);
	ip4(6, 20);
	tcp(SYN);
	before = count();
	o.data_size_in = f.len;
	skel->bss->wd_wire_heartbeat = wd_clock_monotonic_ns() - WD_WIRE_SILENCE_NS - 1;
	packets = snaps = 0;
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(skel->progs.wd_wire_in), &o), 0);
	assert_int_equal(o.retval, 0xffffffff);
	assert_int_equal(ring_buffer__consume(ring), 0);
	after = count();
	assert_int_equal(after.seen - before.seen, 1);
	assert_int_equal(after.delivered, before.delivered);
	assert_int_equal(after.lost - before.lost, 2); /* the packet and its snap */
}

static void test_flood(void **state)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f.b, .repeat = 50000);
	struct wd_wire_count before, after;

	needs_kernel();
	ethernet(0x0800);
	ip4(6, 20);
	tcp(SYN);
	o.data_size_in = f.len;
	skel->bss->wd_wire_heartbeat = wd_clock_monotonic_ns();
	before = count();
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(skel->progs.wd_wire_in), &o), 0);
	packets = snaps = 0;
	ring_buffer__consume(ring);
	after = count();
	assert_int_equal(after.seen - before.seen, 50000);
	assert_int_equal(after.delivered - before.delivered, packets + snaps);
	assert_int_equal(after.delivered - before.delivered + after.lost - before.lost, 100000);
	/* the loop may run through the end of a second */
	assert_in_range(packets + snaps, 1, 3 * WD_WIRE_RATE);
}

/* Whatever comes, it goes on as it came. xorshift: the same frames every time. */
static void test_garbage(void **state)
{
	uint64_t x = 88172645463325252ull;

	needs_kernel();
	for (unsigned int round = 0; round < 20000; round++) {
		if (round % 3 == 0) {
			ethernet(0x0800);
			ip4_with(round % 2 ? 1 : 6, 60, round % 11, 0);
		} else {
			ethernet(0x86dd);
			ip6(round % 2 ? 58 : 0, 100);
			extension(round % 7 ? 6 : 60, round % 3);
		}
		icmp(round % 5, 0);
		ip4(6, 20);
		tcp(SYN);
		for (unsigned int i = 0; i < 4; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			f.b[14 + x % (f.len - 14)] = (uint8_t)(x >> 32);
		}
		f.len = 14 + (unsigned int)(x >> 40) % (f.len - 13);
		if (round % 2)
			run_tc();
		else
			run_program(bpf_program__fd(skel->progs.wd_wire_xdp), 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp4),
		cmocka_unit_test(test_tcp_flags),
		cmocka_unit_test(test_options_are_kept_payload_is_not),
		cmocka_unit_test(test_padding_is_not_the_packet),
		cmocka_unit_test(test_lengths_that_lie),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_other_ethertypes),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_extension_headers),
		cmocka_unit_test(test_dns),
		cmocka_unit_test(test_icmp4),
		cmocka_unit_test(test_icmp6),
		cmocka_unit_test(test_icmp_types),
		cmocka_unit_test(test_icmp_of_the_other_version),
		cmocka_unit_test(test_icmp_quotes_too_little),
		cmocka_unit_test(test_targets_and_watched),
		cmocka_unit_test(test_silent_owner),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, load, unload);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for records of every type, and the fields of those about connections. */
#include "records.h"

static const enum wd_event_kind kinds[WD_ABI_TYPE_MAX] = {
	[WD_ABI_CONN] = WD_EVENT_CONN,
	[WD_ABI_CONNECT] = WD_EVENT_CONNECT,
	[WD_ABI_DROP] = WD_EVENT_DROP,
	[WD_ABI_RESET] = WD_EVENT_RESET_SENT,
	[WD_ABI_SYNACK] = WD_EVENT_SYNACK_RETRANS,
	[WD_ABI_SOCK_ERROR] = WD_EVENT_SOCK_ERROR,
	[WD_ABI_PACKET] = WD_EVENT_PACKET,
	[WD_ABI_SNAP] = WD_EVENT_SNAP,
	[WD_ABI_ICMP] = WD_EVENT_ICMP_SENT,
	[WD_ABI_LISTEN] = WD_EVENT_LISTEN_FULL,
	[WD_ABI_VERDICT] = WD_EVENT_VERDICT,
};

static void test_every_type(void **state)
{
	(void)state;
	for
		each_type(t)
		{
			union record r = valid(t);
			struct wd_event e = parsed(&r);
			char text[WD_ADDR_STRLEN];

			assert_int_equal(e.kind, kinds[t]);
			assert_int_equal(e.ts_ns, 123456789);
			assert_string_equal(wd_addr_format(&e.tuple.saddr, text), "10.244.0.5");
			assert_string_equal(wd_addr_format(&e.tuple.daddr, text), "10.96.0.1");
			assert_int_equal(e.tuple.sport, 40000);
			assert_int_equal(e.tuple.dport, 443);
		}
}

static void test_fields(void **state)
{
	union record r;
	struct wd_event e;

	(void)state;
	r = valid(WD_ABI_CONN);
	e = parsed(&r);
	assert_int_equal(e.conn.owner.pid, 4711);
	assert_int_equal(e.conn.owner.cgroup, 99);
	assert_string_equal(e.conn.owner.comm, "curl");
	assert_int_equal(e.conn.trigger, WD_CONN_CLOSED);
	assert_int_equal(e.conn.err, ECONNREFUSED);
	assert_true(e.conn.rst_received);
	assert_false(e.conn.rst_sent);
	assert_false(e.conn.error_unread);
	assert_null(e.conn.rst_reason);

	r = valid(WD_ABI_DROP);
	e = parsed(&r);
	assert_string_equal(e.drop.reason, "NETFILTER_DROP");
	assert_null(e.drop.function);
	assert_int_equal(e.drop.count, 1);
	assert_int_equal(e.drop.first_ns, 123456789);
	assert_int_equal(e.drop.key, 0);
	assert_string_equal(e.drop.device, "veth1");
	assert_int_equal(e.drop.tcp_flags, 2);
	assert_int_equal(e.drop.pkt_len, 60);
	assert_false(e.drop.has_ct);
	assert_false(e.drop.local);
	assert_false(e.drop.icmp_error);

	r = valid(WD_ABI_RESET);
	e = parsed(&r);
	assert_true(e.reset.no_socket);
	assert_string_equal(e.reset.reason, "NO_SOCKET");
	assert_int_equal(e.reset.tcp_state, WD_TCP_LISTEN);
}

static void test_destroyed_tells_whether_the_error_was_read(void **state)
{
	union record r = valid(WD_ABI_CONN);

	(void)state;
	r.conn.trigger = WD_ABI_TR_DESTROYED;
	assert_true(parsed(&r).conn.error_unread);
	r.conn.err = 0;
	assert_false(parsed(&r).conn.error_unread);
}

static void test_server_side_is_turned(void **state)
{
	union record r = valid(WD_ABI_CONN);
	struct wd_event e;
	char text[WD_ADDR_STRLEN];

	(void)state;
	r.conn.flags = WD_ABI_CONN_SERVER;
	e = parsed(&r);
	assert_true(e.conn.server);
	assert_string_equal(wd_addr_format(&e.tuple.saddr, text), "10.96.0.1");
	assert_int_equal(e.tuple.sport, 443);
	assert_int_equal(e.tuple.dport, 40000);
}

static void test_conntrack(void **state)
{
	union record r = valid(WD_ABI_DROP);
	struct wd_event e;

	(void)state;
	r.drop.ct_orig = abi_tuple(WD_PROTO_TCP);
	r.drop.ct_reply = abi_tuple(WD_PROTO_TCP);
	r.drop.ct_reply.sport = 8443;
	e = parsed(&r);
	assert_true(e.drop.has_ct);
	assert_int_equal(e.drop.ct_orig.dport, 443);
	assert_int_equal(e.drop.ct_reply.sport, 8443);
}

static void test_kind_of_drop(void **state)
{
	union record r = valid(WD_ABI_DROP);

	(void)state;
	r.drop.key.kind = WD_ABI_DROP_LOCAL | WD_ABI_DROP_ICMP;
	r.drop.key.icmp_type = 3;
	r.drop.key.icmp_code = 13;
	assert_true(parsed(&r).drop.local);
	assert_true(parsed(&r).drop.icmp_error);
	assert_int_equal(parsed(&r).drop.icmp_type, 3);
	assert_int_equal(parsed(&r).drop.icmp_code, 13);
}

/* Without function names only some hooks can be told; none may be invented. */
static void test_hook_without_function_names(void **state)
{
	union record r = valid(WD_ABI_DROP);

	(void)state;
	assert_int_equal(parsed(&r).drop.hook, WD_HOOK_PREROUTING); /* no route yet */
	r.drop.dst_input = 0xffffffff81000000;
	assert_int_equal(parsed(&r).drop.hook, WD_HOOK_UNKNOWN);
	r.drop.key.kind = WD_ABI_DROP_LOCAL;
	assert_int_equal(parsed(&r).drop.hook, WD_HOOK_POSTROUTING);
	r.drop.key.ifindex = 0;
	assert_int_equal(parsed(&r).drop.hook, WD_HOOK_OUTPUT);
}

/* ---- refused ----------------------------------------------------------------------------- */

static void test_wrong_version(void **state)
{
	static const uint16_t versions[] = {0, WD_ABI + 1, 0xffff, WD_ABI << 8};

	(void)state;
	for
		each_type(t)
		{
			for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
				union record r = valid(t);
				struct wd_event e;

				r.hdr.abi = versions[i];
				assert_int_equal(parse(&r, sizes[t], &e), -EPROTO);
			}
		}
}

static void test_wrong_type(void **state)
{
	static const uint16_t types[] = {0, WD_ABI_TYPE_MAX, 0xffff, WD_ABI_CONN << 8};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		union record r = valid(WD_ABI_CONN);
		struct wd_event e;

		r.hdr.type = types[i];
		assert_int_equal(parse(&r, sizes[WD_ABI_CONN], &e), -EPROTO);
	}
}

static void test_every_other_size(void **state)
{
	(void)state;
	for
		each_type(t)
		{
			for (size_t size = 0; size <= sizeof(union record); size++) {
				union record r = valid(t);
				struct wd_event e;

				if (size == sizes[t])
					continue;
				assert_int_equal(parse(&r, size, &e), -EMSGSIZE);
				/* not even when its header agrees */
				r.hdr.size = (uint32_t)size;
				assert_int_equal(parse(&r, size, &e), -EMSGSIZE);
			}
		}
}

static void test_header_disagrees_about_size(void **state)
{
	static const uint32_t wrong[] = {0, 1, UINT32_MAX};

	(void)state;
	for
		each_type(t)
		{
			for (size_t i = 0; i < 3; i++) {
				union record r = valid(t);
				struct wd_event e;

				r.hdr.size = wrong[i];
				assert_int_equal(parse(&r, sizes[t], &e), -EMSGSIZE);
			}
		}
}

/* A longer record: the ring rounds sizes up to eight. */
static void test_rounded_up_is_refused(void **state)
{
	char big[sizeof(union record) + 8] = {0};

	(void)state;
	for
		each_type(t)
		{
			union record r = valid(t);
			struct wd_event e;

			memcpy(big, &r, sizes[t]);
			assert_int_equal(parse(big, sizes[t] + 8, &e), -EMSGSIZE);
		}
}

static void test_trigger_out_of_range(void **state)
{
	static const uint32_t triggers[] = {WD_CONN_TRIGGER_MAX, 0x100, 0x80000000, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(triggers) / sizeof(triggers[0]); i++) {
		union record r = valid(WD_ABI_CONN);
		struct wd_event e;

		r.conn.trigger = triggers[i];
		assert_int_equal(parse(&r, sizes[WD_ABI_CONN], &e), -EPROTO);
	}
	for (uint32_t t = 0; t < WD_CONN_TRIGGER_MAX; t++) {
		union record r = valid(WD_ABI_CONN);

		r.conn.trigger = t;
		assert_int_equal(parsed(&r).conn.trigger, t);
	}
}

/* ---- believed, but not trusted ----------------------------------------------------------- */

static void test_unterminated_texts(void **state)
{
	union record r = valid(WD_ABI_CONN);

	(void)state;
	memset(r.conn.owner.comm, 'x', WD_COMM_LEN);
	assert_int_equal(strlen(parsed(&r).conn.owner.comm), WD_COMM_LEN - 1);
	r = valid(WD_ABI_CONNECT);
	memset(r.connect.owner.comm, 'x', WD_COMM_LEN);
	assert_int_equal(strlen(parsed(&r).connect.owner.comm), WD_COMM_LEN - 1);
	r = valid(WD_ABI_SOCK_ERROR);
	memset(r.sock_error.owner.comm, 'x', WD_COMM_LEN);
	assert_int_equal(strlen(parsed(&r).sock_error.owner.comm), WD_COMM_LEN - 1);
	r = valid(WD_ABI_DROP);
	memset(r.drop.device, 'x', WD_IFNAME_LEN);
	assert_int_equal(strlen(parsed(&r).drop.device), WD_IFNAME_LEN - 1);
	r = valid(WD_ABI_SNAP);
	memset(r.snap.device, 'x', WD_IFNAME_LEN);
	assert_int_equal(strlen(parsed(&r).snap.device), WD_IFNAME_LEN - 1);
	r = valid(WD_ABI_VERDICT);
	memset(r.verdict.table, 't', WD_CHAIN_NAME_LEN);
	memset(r.verdict.chain, 'c', WD_CHAIN_NAME_LEN);
	assert_int_equal(strlen(parsed(&r).verdict.table), WD_CHAIN_NAME_LEN - 1);
	assert_int_equal(strlen(parsed(&r).verdict.chain), WD_CHAIN_NAME_LEN - 1);
}

static void test_reasons_out_of_range(void **state)
{
	static const uint32_t reasons[] = {1, WD_REASON_SLOTS, 0x10001, 0x7fffffff, WD_REASON_NONE};
	static const int32_t resets[] = {1, 64, 1000, -1, INT32_MIN, INT32_MAX};
	union record r = valid(WD_ABI_DROP);

	(void)state;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		r.drop.key.reason = reasons[i];
		assert_null(parsed(&r).drop.reason);
	}
	r.drop.key.reason = WD_REASON_SLOTS - 1;
	assert_string_equal(parsed(&r).drop.reason, "LAST");
	r = valid(WD_ABI_RESET);
	for (size_t i = 0; i < sizeof(resets) / sizeof(resets[0]); i++) {
		r.reset.reason = resets[i];
		assert_null(parsed(&r).reset.reason);
	}
	r.reset.reason = 63;
	assert_string_equal(parsed(&r).reset.reason, "LAST");
}

static void test_odd_ports_and_protocols(void **state)
{
	static const uint8_t protos[] = {0, WD_PROTO_ICMP, WD_PROTO_SCTP, 255};

	(void)state;
	for
		each_type(t)
		{
			for (size_t i = 0; i < sizeof(protos); i++) {
				union record r = valid(t);
				/* behind the header in all of them */
				struct wd_abi_tuple *tuple = &r.conn.tuple;

				tuple->proto = protos[i];
				tuple->sport = 0;
				tuple->dport = 65535;
				tuple->pad[0] = 0xff;
				assert_int_equal(parsed(&r).tuple.proto, protos[i]);
				assert_int_equal(parsed(&r).tuple.sport, 0);
				assert_int_equal(parsed(&r).tuple.dport, 65535);
			}
		}
}

/* Whatever the memory held before: the event says nothing that the record did not. */
static void test_event_holds_no_leftovers(void **state)
{
	(void)state;
	for
		each_type(t)
		{
			union record r = valid(t);
			struct wd_event a, b;

			memset(&a, 0x00, sizeof(a));
			memset(&b, 0xa5, sizeof(b));
			assert_int_equal(parse(&r, sizes[t], &a), 0);
			assert_int_equal(parse(&r, sizes[t], &b), 0);
			if (t == WD_ABI_RESET || t == WD_ABI_SYNACK) {
				assert_memory_equal(&a.reset.no_socket, &b.reset.no_socket,
				                    sizeof(bool));
				assert_int_equal(a.reset.tcp_state, b.reset.tcp_state);
				assert_ptr_equal(a.reset.reason, b.reset.reason);
			} else if (t == WD_ABI_CONN) {
				assert_memory_equal(&a.conn, &b.conn, sizeof(a.conn));
			} else if (t == WD_ABI_DROP) {
				assert_memory_equal(&a.drop, &b.drop, sizeof(a.drop));
			} else if (t == WD_ABI_CONNECT) {
				assert_memory_equal(&a.connect.owner, &b.connect.owner,
				                    sizeof(a.connect.owner));
			} else if (t == WD_ABI_PACKET) {
				assert_memory_equal(&a.packet, &b.packet, sizeof(a.packet));
			} else if (t == WD_ABI_SNAP) {
				assert_memory_equal(&a.snap, &b.snap, sizeof(a.snap));
			} else if (t == WD_ABI_ICMP) {
				assert_memory_equal(&a.icmp, &b.icmp, sizeof(a.icmp));
			} else if (t == WD_ABI_LISTEN) {
				assert_memory_equal(&a.listen, &b.listen, sizeof(a.listen));
			} else if (t == WD_ABI_VERDICT) {
				assert_memory_equal(&a.verdict, &b.verdict, sizeof(a.verdict));
			}
		}
}

static void test_unaligned(void **state)
{
	char buf[sizeof(union record) + 1];

	(void)state;
	for
		each_type(t)
		{
			union record r = valid(t);
			struct wd_event e;

			memcpy(buf + 1, &r, sizes[t]);
			assert_int_equal(wd_record_parse(buf + 1, sizes[t], &names, &e), 0);
		}
}

/* A length that does not fit must not become a short one. */
static void test_length_is_not_wrapped(void **state)
{
	union record r = valid(WD_ABI_DROP);

	(void)state;
	r.drop.len = 65536 + 10;
	assert_int_not_equal(parsed(&r).drop.pkt_len, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_type),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_destroyed_tells_whether_the_error_was_read),
		cmocka_unit_test(test_server_side_is_turned),
		cmocka_unit_test(test_conntrack),
		cmocka_unit_test(test_kind_of_drop),
		cmocka_unit_test(test_hook_without_function_names),
		cmocka_unit_test(test_wrong_version),
		cmocka_unit_test(test_wrong_type),
		cmocka_unit_test(test_every_other_size),
		cmocka_unit_test(test_header_disagrees_about_size),
		cmocka_unit_test(test_rounded_up_is_refused),
		cmocka_unit_test(test_trigger_out_of_range),
		cmocka_unit_test(test_unterminated_texts),
		cmocka_unit_test(test_reasons_out_of_range),
		cmocka_unit_test(test_odd_ports_and_protocols),
		cmocka_unit_test(test_event_holds_no_leftovers),
		cmocka_unit_test(test_unaligned),
		cmocka_unit_test(test_length_is_not_wrapped),
	};

	return cmocka_run_group_tests(tests, kernel_open, kernel_close);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/record.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* A kernel that knows three reasons. */
static char r_none[] = "NOT_SPECIFIED", r_nf[] = "NETFILTER_DROP", r_last[] = "LAST";
static char rst_none[] = "NO_SOCKET";
static struct wd_kernel kernel;
static const struct wd_record_names names = {&kernel, NULL};

static int kernel_open(void **state)
{
	(void)state;
	kernel.drop_reason[0] = r_none;
	kernel.drop_reason[12] = r_nf;
	kernel.drop_reason[WD_REASON_SLOTS - 1] = r_last;
	kernel.reset_reason[0] = rst_none;
	kernel.reset_reason[63] = r_last;
	return 0;
}

union record {
	struct wd_abi_hdr hdr;
	struct wd_abi_conn conn;
	struct wd_abi_connect connect;
	struct wd_abi_drop drop;
	struct wd_abi_reset reset;
	struct wd_abi_synack synack;
	struct wd_abi_sock_error sock_error;
};

static const size_t sizes[WD_ABI_TYPE_MAX] = {
	[WD_ABI_CONN] = sizeof(struct wd_abi_conn),
	[WD_ABI_CONNECT] = sizeof(struct wd_abi_connect),
	[WD_ABI_DROP] = sizeof(struct wd_abi_drop),
	[WD_ABI_RESET] = sizeof(struct wd_abi_reset),
	[WD_ABI_SYNACK] = sizeof(struct wd_abi_synack),
	[WD_ABI_SOCK_ERROR] = sizeof(struct wd_abi_sock_error),
};

static const enum wd_event_kind kinds[WD_ABI_TYPE_MAX] = {
	[WD_ABI_CONN] = WD_EVENT_CONN,
	[WD_ABI_CONNECT] = WD_EVENT_CONNECT,
	[WD_ABI_DROP] = WD_EVENT_DROP,
	[WD_ABI_RESET] = WD_EVENT_RESET_SENT,
	[WD_ABI_SYNACK] = WD_EVENT_SYNACK_RETRANS,
	[WD_ABI_SOCK_ERROR] = WD_EVENT_SOCK_ERROR,
};

static struct wd_abi_tuple abi_tuple(uint8_t proto)
{
	struct wd_abi_tuple t = {.sport = 40000, .dport = 443, .proto = proto};
	struct wd_addr from, to;

	assert_int_equal(wd_addr_parse("10.244.0.5", &from), 0);
	assert_int_equal(wd_addr_parse("10.96.0.1", &to), 0);
	memcpy(t.saddr, from.b, 16);
	memcpy(t.daddr, to.b, 16);
	return t;
}

static void owner(struct wd_abi_owner *o)
{
	o->cgroup = 99;
	o->pid = 4711;
	o->netns = 4026532001u;
	memcpy(o->comm, "curl", 5);
}

/* A valid record of every type. */
static union record valid(uint16_t type)
{
	union record r;

	memset(&r, 0, sizeof(r));
	r.hdr = (struct wd_abi_hdr){WD_ABI, type, (uint32_t)sizes[type], 123456789};
	switch (type) {
	case WD_ABI_CONN:
		r.conn.tuple = abi_tuple(WD_PROTO_TCP);
		owner(&r.conn.owner);
		r.conn.sock = 0xffff888000001000;
		r.conn.start_ns = 123;
		r.conn.trigger = WD_ABI_TR_CLOSED;
		r.conn.flags = WD_ABI_CONN_RST_RX;
		r.conn.err = ECONNREFUSED;
		r.conn.syn_sent = 1;
		r.conn.mss = 1460;
		r.conn.rst_reason = -1;
		r.conn.old_state = WD_TCP_SYN_SENT;
		r.conn.new_state = WD_TCP_CLOSE;
		break;
	case WD_ABI_CONNECT:
		r.connect.tuple = abi_tuple(WD_PROTO_TCP);
		owner(&r.connect.owner);
		r.connect.err = ENETUNREACH;
		break;
	case WD_ABI_DROP:
		r.drop.key.tuple = abi_tuple(WD_PROTO_TCP);
		r.drop.key.netns = 4026531840u;
		r.drop.key.ifindex = 3;
		r.drop.key.reason = 12;
		r.drop.key.tcp_flags = 2;
		r.drop.skb_iif = 3;
		r.drop.len = 60;
		memcpy(r.drop.device, "veth1", 6);
		break;
	case WD_ABI_RESET:
		r.reset.tuple = abi_tuple(WD_PROTO_TCP);
		r.reset.netns = 1;
		r.reset.no_socket = 1;
		r.reset.state = WD_TCP_LISTEN;
		break;
	case WD_ABI_SYNACK:
		r.synack.tuple = abi_tuple(WD_PROTO_TCP);
		r.synack.netns = 1;
		r.synack.count = 2;
		break;
	case WD_ABI_SOCK_ERROR:
		r.sock_error.tuple = abi_tuple(WD_PROTO_UDP);
		owner(&r.sock_error.owner);
		r.sock_error.err = ECONNREFUSED;
		break;
	}
	return r;
}

/* Parses from a block of exactly that size, so that a read beyond it is seen. */
static int parse(const void *data, size_t size, struct wd_event *ret)
{
	void *exact = malloc(size ? size : 1);
	int r;

	assert_non_null(exact);
	memcpy(exact, data, size);
	r = wd_record_parse(exact, size, &names, ret);
	free(exact);
	return r;
}

static struct wd_event parsed(const union record *r)
{
	struct wd_event e;

	memset(&e, 0, sizeof(e));
	assert_int_equal(parse(r, sizes[r->hdr.type], &e), 0);
	return e;
}

#define each_type(t) (uint16_t t = WD_ABI_CONN; t < WD_ABI_TYPE_MAX; t++)

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
				struct wd_abi_tuple *tuple = t == WD_ABI_DROP ? &r.drop.key.tuple
				                                              : &r.conn.tuple;

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

	return cmocka_run_group_tests(tests, kernel_open, NULL);
}

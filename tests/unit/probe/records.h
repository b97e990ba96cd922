/* SPDX-License-Identifier: Apache-2.0 */
/* A valid record of every type, and a kernel that names a few reasons. */
#ifndef WD_TESTS_PROBE_RECORDS_H
#define WD_TESTS_PROBE_RECORDS_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "probe/record.h"

/* A kernel that knows three reasons. */
static char r_none[] = "NOT_SPECIFIED", r_nf[] = "NETFILTER_DROP", r_last[] = "LAST";
static char rst_none[] = "NO_SOCKET";
static struct wd_kernel kernel;
static struct wd_record_names names = {&kernel, NULL, NULL};

static inline int kernel_open(void **state)
{
	(void)state;
	kernel.drop_reason[0] = r_none;
	kernel.drop_reason[12] = r_nf;
	kernel.drop_reason[WD_REASON_SLOTS - 1] = r_last;
	kernel.reset_reason[0] = rst_none;
	kernel.reset_reason[63] = r_last;
	return wd_intern_new(64, &names.strings);
}

static inline int kernel_close(void **state)
{
	(void)state;
	wd_intern_free(names.strings);
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
	struct wd_abi_packet packet;
	struct wd_abi_snap snap;
	struct wd_abi_icmp icmp;
	struct wd_abi_listen listen;
	struct wd_abi_verdict verdict;
};

static const size_t sizes[WD_ABI_TYPE_MAX] = {
	[WD_ABI_CONN] = sizeof(struct wd_abi_conn),
	[WD_ABI_CONNECT] = sizeof(struct wd_abi_connect),
	[WD_ABI_DROP] = sizeof(struct wd_abi_drop),
	[WD_ABI_RESET] = sizeof(struct wd_abi_reset),
	[WD_ABI_SYNACK] = sizeof(struct wd_abi_synack),
	[WD_ABI_SOCK_ERROR] = sizeof(struct wd_abi_sock_error),
	[WD_ABI_PACKET] = sizeof(struct wd_abi_packet),
	[WD_ABI_SNAP] = sizeof(struct wd_abi_snap),
	[WD_ABI_ICMP] = sizeof(struct wd_abi_icmp),
	[WD_ABI_LISTEN] = sizeof(struct wd_abi_listen),
	[WD_ABI_VERDICT] = sizeof(struct wd_abi_verdict),
};

static inline struct wd_abi_tuple abi_tuple(uint8_t proto)
{
	struct wd_abi_tuple t = {.sport = 40000, .dport = 443, .proto = proto};
	struct wd_addr from, to;

	assert_int_equal(wd_addr_parse("10.244.0.5", &from), 0);
	assert_int_equal(wd_addr_parse("10.96.0.1", &to), 0);
	memcpy(t.saddr, from.b, 16);
	memcpy(t.daddr, to.b, 16);
	return t;
}

static inline void owner(struct wd_abi_owner *o)
{
	o->cgroup = 99;
	o->pid = 4711;
	o->netns = 4026532001u;
	memcpy(o->comm, "curl", 5);
}

/* A valid record of every type. */
static inline union record valid(uint16_t type)
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
	case WD_ABI_PACKET:
		r.packet.tuple = abi_tuple(WD_PROTO_TCP);
		r.packet.ifindex = 12;
		r.packet.seq = 0xfffffffe;
		r.packet.ack = 77;
		r.packet.len = 60;
		r.packet.sight = WD_ABI_SIGHT_OUT;
		r.packet.tcp_flags = 2;
		r.packet.ttl = 63;
		break;
	case WD_ABI_SNAP:
		r.snap.tuple = abi_tuple(WD_PROTO_TCP);
		r.snap.ifindex = 3;
		r.snap.netns = 4026531840u;
		r.snap.reason = 12;
		r.snap.len = 1500;
		r.snap.caplen = 60;
		r.snap.sight = WD_ABI_SIGHT_DROP;
		memcpy(r.snap.device, "veth1", 6);
		memset(r.snap.data, 0x45, sizeof(r.snap.data));
		break;
	case WD_ABI_ICMP:
		r.icmp.tuple = abi_tuple(WD_PROTO_TCP);
		r.icmp.netns = 4026531840u;
		r.icmp.type = 3;
		r.icmp.code = 4;
		r.icmp.info = 1400;
		break;
	case WD_ABI_LISTEN:
		r.listen.tuple = abi_tuple(WD_PROTO_TCP);
		r.listen.netns = 4026532002u;
		r.listen.backlog = 129;
		r.listen.max = 128;
		r.listen.kind = WD_ABI_LISTEN_ACK;
		break;
	case WD_ABI_VERDICT:
		r.verdict.tuple = abi_tuple(WD_PROTO_TCP);
		r.verdict.netns = 4026531840u;
		r.verdict.by = WD_ABI_BY_NFT;
		r.verdict.hook = 2;
		r.verdict.pf = 2;
		memcpy(r.verdict.table, "filter", 6);
		memcpy(r.verdict.chain, "FORWARD", 7);
		break;
	}
	return r;
}

/* Parses from a block of exactly that size, so that a read beyond it is seen. */
static inline int parse(const void *data, size_t size, struct wd_event *ret)
{
	void *exact = malloc(size ? size : 1);
	int r;

	assert_non_null(exact);
	memcpy(exact, data, size);
	r = wd_record_parse(exact, size, &names, ret);
	free(exact);
	return r;
}

static inline struct wd_event parsed(const union record *r)
{
	struct wd_event e;

	memset(&e, 0, sizeof(e));
	assert_int_equal(parse(r, sizes[r->hdr.type], &e), 0);
	return e;
}

#define each_type(t) (uint16_t t = WD_ABI_CONN; t < WD_ABI_TYPE_MAX; t++)

#endif

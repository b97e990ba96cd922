/* SPDX-License-Identifier: Apache-2.0 */
/* Valid records of the ring as seeds, and a kernel with a few names. */
#ifndef WD_TESTS_FUZZ_RECORDS_H
#define WD_TESTS_FUZZ_RECORDS_H

#include "fuzz.h"
#include "probe/record.h"

union fuzz_record {
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
	uint8_t bytes[320];
};

static inline size_t fuzz_record_size(unsigned int type)
{
	switch (type) {
	case WD_ABI_CONN:
		return sizeof(struct wd_abi_conn);
	case WD_ABI_CONNECT:
		return sizeof(struct wd_abi_connect);
	case WD_ABI_DROP:
		return sizeof(struct wd_abi_drop);
	case WD_ABI_RESET:
		return sizeof(struct wd_abi_reset);
	case WD_ABI_SYNACK:
		return sizeof(struct wd_abi_synack);
	case WD_ABI_SOCK_ERROR:
		return sizeof(struct wd_abi_sock_error);
	case WD_ABI_PACKET:
		return sizeof(struct wd_abi_packet);
	case WD_ABI_SNAP:
		return sizeof(struct wd_abi_snap);
	case WD_ABI_ICMP:
		return sizeof(struct wd_abi_icmp);
	case WD_ABI_LISTEN:
		return sizeof(struct wd_abi_listen);
	case WD_ABI_VERDICT:
		return sizeof(struct wd_abi_verdict);
	}
	return 0;
}

static inline struct wd_abi_tuple fuzz_tuple(uint8_t proto, unsigned int client)
{
	struct wd_abi_tuple t = {.sport = (uint16_t)(40000 + client), .dport = 443, .proto = proto};
	static const uint8_t from[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 244, 0, 5};
	static const uint8_t to[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 96, 0, 1};

	memcpy(t.saddr, from, 16);
	memcpy(t.daddr, to, 16);
	return t;
}

/* A record as the kernel side writes it. `what` chooses a trigger, reason or error. */
static inline size_t fuzz_record(union fuzz_record *r, unsigned int type, unsigned int what,
                                 uint64_t ts_ns)
{
	static const uint32_t errs[] = {111, 110, 113, 101, 104, 13, 0, 99};

	memset(r, 0, sizeof(*r));
	r->hdr = (struct wd_abi_hdr){WD_ABI, (uint16_t)type, (uint32_t)fuzz_record_size(type),
	                             ts_ns};
	switch (type) {
	case WD_ABI_CONN:
		r->conn.tuple = fuzz_tuple(6, what / 8);
		r->conn.owner.pid = 4711;
		memcpy(r->conn.owner.comm, "curl", 4);
		r->conn.sock = 0xffff888000001000 + what / 8 * 64;
		r->conn.start_ns = 1000000000000;
		r->conn.trigger = what % 6;
		r->conn.flags = what & 31;
		r->conn.err = what % 6 >= 4 ? errs[what / 6 % 8] : 0;
		r->conn.syn_sent = 1 + what % 3;
		r->conn.retransmits = 3;
		r->conn.seg_len = r->conn.mss = 1460;
		r->conn.rst_reason = (int32_t)(what % 4) - 1;
		r->conn.old_state = what % 2 ? 2 : 1;
		r->conn.new_state = 7;
		break;
	case WD_ABI_CONNECT:
		r->connect.tuple = fuzz_tuple(what % 3 ? 6 : 17, 0);
		r->connect.tuple.sport = 0;
		r->connect.sock = 0xffff888000001000;
		r->connect.err = errs[what % 8];
		r->connect.owner.pid = 4711;
		break;
	case WD_ABI_DROP:
		r->drop.key.tuple = fuzz_tuple(what % 5 ? 6 : 17, what / 8);
		r->drop.key.reason = what % 8;
		r->drop.key.tcp_flags = what % 3 ? 2 : 0x10;
		r->drop.key.kind = what / 16 % 4;
		r->drop.key.ifindex = 3 + what % 4;
		r->drop.skb_iif = 3;
		r->drop.len = 60;
		memcpy(r->drop.device, "veth1", 5);
		if (what % 2) {
			r->drop.ct_orig = r->drop.key.tuple;
			r->drop.ct_reply = fuzz_tuple(6, 7);
		}
		break;
	case WD_ABI_RESET:
		r->reset.tuple = fuzz_tuple(6, what / 8);
		r->reset.no_socket = what % 2;
		break;
	case WD_ABI_SYNACK:
		r->synack.tuple = fuzz_tuple(6, what / 8);
		break;
	case WD_ABI_SOCK_ERROR:
		r->sock_error.tuple = fuzz_tuple(17, 0);
		r->sock_error.err = errs[what % 8];
		break;
	case WD_ABI_PACKET:
		r->packet.tuple = fuzz_tuple(what % 5 ? 6 : 17, what / 8);
		r->packet.ifindex = 3 + what % 3;
		r->packet.seq = 1000;
		r->packet.ack = what % 4 ? 0 : 1001;
		r->packet.len = 60;
		r->packet.sight = (uint8_t)(1 + what % 3);
		r->packet.flags = (uint8_t)(what / 2 % 4);
		r->packet.tcp_flags = what % 4 ? 2 : 0x12;
		r->packet.ttl = 64;
		r->packet.icmp_type = 3;
		if (what % 2) {
			r->packet.ct_orig = r->packet.tuple;
			r->packet.ct_reply = fuzz_tuple(6, 7);
		}
		break;
	case WD_ABI_SNAP:
		r->snap.tuple = fuzz_tuple(6, what / 8);
		r->snap.sight = (uint8_t)(what % 4);
		r->snap.reason = what % 8;
		r->snap.caplen = 60;
		r->snap.len = 1500;
		memcpy(r->snap.device, "veth1", 5);
		break;
	case WD_ABI_ICMP:
		r->icmp.tuple = fuzz_tuple(what % 5 ? 6 : 17, what / 8);
		r->icmp.netns = what % 2;
		r->icmp.type = 3;
		r->icmp.code = (uint8_t)(what % 14);
		if (what % 3 == 0)
			r->icmp.ct_orig = r->icmp.tuple;
		break;
	case WD_ABI_LISTEN:
		r->listen.tuple = fuzz_tuple(6, what / 8);
		r->listen.backlog = 2 + what % 3;
		r->listen.max = 1;
		r->listen.kind = (uint8_t)(1 + what % 3);
		break;
	case WD_ABI_VERDICT:
		r->verdict.tuple = fuzz_tuple(what % 5 ? 6 : 17, what / 8);
		r->verdict.by = (uint8_t)(what % 3);
		r->verdict.hook = (uint8_t)(what % 6);
		r->verdict.pf = what % 4 ? 2 : 10;
		memcpy(r->verdict.table, "filter", 6);
		memcpy(r->verdict.chain, what % 2 ? "FORWARD" : "KUBE-FW", 7);
		if (what % 3 == 0)
			r->verdict.ct_orig = r->verdict.tuple;
		break;
	}
	return fuzz_record_size(type);
}

static inline const struct wd_record_names *fuzz_names(void)
{
	static char reasons[][24] = {"NOT_SPECIFIED", "NETFILTER_DROP", "NO_SOCKET",
	                             "IP_RPFILTER",   "NEIGH_FAILED",   "TCP_LISTEN_OVERFLOW",
	                             "PKT_TOO_BIG",   "OTHER"};
	static struct wd_kernel kernel;
	static struct wd_record_names names = {&kernel, NULL, NULL};

	/* few, so that they run out */
	if (!names.strings && wd_intern_new(16, &names.strings))
		abort();
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		kernel.drop_reason[i] = reasons[i];
	kernel.reset_reason[0] = reasons[2];
	return &names;
}

#endif

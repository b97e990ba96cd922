/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The records, maps keys and settings that the BPF programs and the reader share.
 *
 * Addresses are 16 bytes in network byte order (IPv4 as ::ffff:a.b.c.d); ports and
 * all integers are host byte order; times are bpf_ktime_get_ns() (CLOCK_MONOTONIC).
 * Sizes are asserted below on both sides. A change of any layout changes WD_ABI.
 */
#ifndef WD_ABI_H
#define WD_ABI_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define WD_ABI 2

#define WD_COMM_LEN   16
#define WD_IFNAME_LEN 16

/* Slots of the per-reason counters. Reasons beyond (subsystem reasons) share the last. */
#define WD_REASON_SLOTS 256

enum wd_abi_type {
	WD_ABI_CONN = 1,
	WD_ABI_CONNECT,
	WD_ABI_DROP,
	WD_ABI_RESET,
	WD_ABI_SYNACK,
	WD_ABI_SOCK_ERROR,
	WD_ABI_PACKET,
	WD_ABI_SNAP,
	WD_ABI_ICMP,
	WD_ABI_LISTEN,
	WD_ABI_VERDICT,
	WD_ABI_TYPE_MAX,
};

struct wd_abi_hdr {
	__u16 abi;
	__u16 type;
	__u32 size; /* of the whole record */
	__u64 ts_ns;
};

struct wd_abi_tuple {
	__u8 saddr[16];
	__u8 daddr[16];
	__u16 sport;
	__u16 dport;
	__u8 proto;
	__u8 pad[3];
};

struct wd_abi_owner {
	__u64 cgroup;
	__u32 pid; /* thread group, initial pid namespace; 0 unknown */
	__u32 netns;
	char comm[WD_COMM_LEN];
};

/* Same order as enum wd_conn_trigger in user/model/event.h (asserted there). */
enum wd_abi_trigger {
	WD_ABI_TR_SYN_RETRANS,
	WD_ABI_TR_DROP,
	WD_ABI_TR_ESTABLISHED,
	WD_ABI_TR_STALL,
	WD_ABI_TR_CLOSED,
	WD_ABI_TR_DESTROYED,
};

#define WD_ABI_CONN_RST_RX   1
#define WD_ABI_CONN_RST_TX   2
#define WD_ABI_CONN_REPORTED 4 /* the reader knows it */
#define WD_ABI_CONN_EST      8
#define WD_ABI_CONN_SERVER   16 /* the accepting side: nobody here called connect */

struct wd_abi_conn {
	struct wd_abi_hdr hdr;
	struct wd_abi_tuple tuple; /* local -> remote */
	struct wd_abi_owner owner;
	__u64 sock;
	__u64 start_ns;
	__u64 bytes_acked;
	__u64 bytes_received;
	__u32 trigger;
	__u32 flags;
	__u32 err;
	__u32 syn_sent;
	__u32 retransmits;
	__u32 seg_len;
	__u32 mss;
	__u32 pmtu;
	__s32 rst_reason; /* enum sk_rst_reason of this kernel; -1 none */
	__u8 old_state;
	__u8 new_state;
	__u8 pad[2];
};

struct wd_abi_connect {
	struct wd_abi_hdr hdr;
	struct wd_abi_tuple tuple; /* source empty when not yet chosen */
	struct wd_abi_owner owner;
	__u64 sock;
	__u32 err; /* positive errno */
	__u32 pad;
};

/* What makes two drops the same: counted together in the kernel. */
struct wd_abi_drop_key {
	struct wd_abi_tuple tuple;
	__u64 location; /* the instruction that freed it */
	__u32 netns;
	__u32 ifindex;
	__u32 reason; /* enum skb_drop_reason of this kernel; WD_REASON_NONE below 5.17 */
	__u8 tcp_flags;
	__u8 kind; /* WD_ABI_DROP_* */
	__u8 icmp_type;
	__u8 icmp_code;
};

#define WD_REASON_NONE 0xffffffffu

#define WD_ABI_DROP_LOCAL 1 /* not received by a device */
#define WD_ABI_DROP_ICMP  2 /* an ICMP error; the tuple is the quoted one */

struct wd_abi_drop_count {
	__u64 count;
	__u64 first_ns;
	__u64 last_ns;
};

struct wd_abi_drop {
	struct wd_abi_hdr hdr;
	struct wd_abi_drop_key key;
	struct wd_abi_tuple ct_orig; /* proto 0: not tracked */
	struct wd_abi_tuple ct_reply;
	__u64 sock;      /* the sending socket, 0 none */
	__u64 dst_input; /* function that the route leads to, 0 no route yet */
	__u32 skb_iif;
	__u32 dev_ifindex;
	__u32 len;
	char device[WD_IFNAME_LEN];
	__u8 bridge_port; /* the device is a port of a bridge */
	__u8 loopback;    /* the device is a loopback device */
	__u8 pad[2];
	__u32 aggregated; /* 0: repeats of this one are not counted in the table */
};

struct wd_abi_reset {
	struct wd_abi_hdr hdr;
	struct wd_abi_tuple tuple; /* peer -> this side */
	__u32 netns;
	__s32 reason; /* -1 none */
	__u8 no_socket;
	__u8 state;
	__u8 pad[6];
};

struct wd_abi_synack {
	struct wd_abi_hdr hdr;
	struct wd_abi_tuple tuple; /* peer -> this side */
	__u32 netns;
	__u32 count;
};

struct wd_abi_sock_error {
	struct wd_abi_hdr hdr;
	struct wd_abi_tuple tuple; /* local -> remote */
	struct wd_abi_owner owner;
	__u64 sock;
	__u32 err;
	__u32 pad;
};

/* Where a packet was seen. Same order as enum wd_sight in user/model/event.h. */
enum wd_abi_sight {
	WD_ABI_SIGHT_DROP, /* where it was freed */
	WD_ABI_SIGHT_IN,   /* tc or tcx, ingress: the device received it */
	WD_ABI_SIGHT_OUT,  /* tc or tcx, egress: the device is about to send it */
	WD_ABI_SIGHT_XDP,  /* XDP: the driver received it */
	WD_ABI_SIGHT_MAX,
};

#define WD_ABI_PACKET_ICMP 1 /* an ICMP error; the tuple is the quoted one */
#define WD_ABI_PACKET_DNS  2 /* UDP from or to port 53: dns_id and dns_flags are set */

/* A packet hook saw a packet of a target go by. */
struct wd_abi_packet {
	struct wd_abi_hdr hdr;
	struct wd_abi_tuple tuple;
	struct wd_abi_tuple ct_orig; /* proto 0: not tracked, or not readable here */
	struct wd_abi_tuple ct_reply;
	__u8 icmp_from[16]; /* who sent the ICMP error */
	__u32 ifindex;
	__u32 seq, ack; /* TCP */
	__u16 len;      /* of the network layer */
	__u16 dns_id, dns_flags;
	__u8 sight; /* enum wd_abi_sight, never DROP */
	__u8 flags; /* WD_ABI_PACKET_* */
	__u8 tcp_flags;
	__u8 ttl;
	__u8 icmp_type, icmp_code;
};

/* The headers of one packet, for --pcap; never a byte of what they carry. */
#define WD_SNAP_LEN 128

struct wd_abi_snap {
	struct wd_abi_hdr hdr;
	struct wd_abi_tuple tuple;
	struct wd_abi_tuple ct_orig; /* proto 0: not tracked */
	__u64 location;              /* DROP: the instruction that freed it */
	__u32 ifindex;
	__u32 netns;
	__u32 reason; /* DROP: as in wd_abi_drop_key */
	__u32 len;    /* of the packet, from its network header on */
	__u16 caplen; /* of data: network and transport headers */
	__u8 sight;   /* enum wd_abi_sight */
	__u8 pad;
	char device[WD_IFNAME_LEN]; /* "" not known here */
	__u8 data[WD_SNAP_LEN];     /* starts with the IPv4 or IPv6 header */
	__u8 pad2[4];
};

/* This node is about to answer a packet with an ICMP error. */
struct wd_abi_icmp {
	struct wd_abi_hdr hdr;
	struct wd_abi_tuple tuple; /* of the packet that is refused */
	struct wd_abi_tuple ct_orig;
	__u32 netns;
	__u32 info; /* next-hop MTU of "fragmentation needed", "packet too big" */
	__u8 type, code;
	__u8 pad[6];
};

/* A listener of this node has no room for a connection. */
#define WD_ABI_LISTEN_SYN 1 /* met by a SYN */
#define WD_ABI_LISTEN_ACK 2 /* met by the ACK that completes the handshake */

struct wd_abi_listen {
	struct wd_abi_hdr hdr;
	struct wd_abi_tuple tuple; /* peer -> this side */
	__u32 netns;
	__u32 backlog; /* waiting now */
	__u32 max;     /* room */
	__u8 kind;     /* WD_ABI_LISTEN_* */
	__u8 pad[3];
};

/* Who decided that netfilter drops a packet. */
enum wd_abi_decider {
	WD_ABI_BY_OTHER,  /* a hook that is no table: conntrack, NAT, IPVS, ... */
	WD_ABI_BY_XTABLE, /* ipt_do_table(), ip6t_do_table(): iptables-legacy */
	WD_ABI_BY_NFT,    /* nft_do_chain(): nft or iptables-nft */
};

#define WD_CHAIN_NAME_LEN 64

struct wd_abi_verdict {
	struct wd_abi_hdr hdr;
	struct wd_abi_tuple tuple; /* as in the packet */
	struct wd_abi_tuple ct_orig;
	__u64 location; /* the instruction that freed it */
	__u32 netns;
	__u8 by;   /* enum wd_abi_decider */
	__u8 hook; /* NF_INET_*; 0xff unknown */
	__u8 pf;   /* NFPROTO_* */
	__u8 pad;
	char table[WD_CHAIN_NAME_LEN]; /* "" unknown */
	char chain[WD_CHAIN_NAME_LEN]; /* base chain; "" unknown */
};

/* ---- targets ---------------------------------------------------------------- */

/* Exact address and port; port 0 or proto 0: any. */
struct wd_abi_host_key {
	__u8 addr[16];
	__u16 port;
	__u8 proto;
	__u8 pad;
};

/* Prefix: which ports of it are targets. The reader folds the ports of covering
 * prefixes into the longer ones, so that one longest-prefix lookup answers. */
#define WD_NET_PORTS 16

struct wd_abi_net_key {
	__u32 bits;
	__u8 addr[16];
};

struct wd_abi_net {
	__u16 any; /* 1: every port */
	__u16 n;
	__u16 port[WD_NET_PORTS];
};

#define WD_MATCH_ALL   1
#define WD_MATCH_HOSTS 2
#define WD_MATCH_NETS  4
/* Which kinds of host entries there are: the others are not looked up. */
#define WD_MATCH_HOST_PROTO 8  /* with protocol and port */
#define WD_MATCH_HOST_PORT  16 /* with port, any protocol */
#define WD_MATCH_HOST_ANY   32 /* any port */

/* ---- counters --------------------------------------------------------------- */

enum wd_abi_stat {
	WD_STAT_CONN_TRACKED,
	WD_STAT_CONN_DELIVERED,
	WD_STAT_CONN_LOST_RING,
	WD_STAT_CONN_LOST_TABLE,
	WD_STAT_CONN_EVICTED,
	WD_STAT_READ_ERROR,
	WD_STAT_LIMITED,        /* more than WD_LIMIT_RATE of a kind in a second */
	WD_STAT_DROP_LOST_RING, /* sum of lost_ring over all reasons */
	WD_STAT_SNAP_LOST,
	WD_STAT_MAX,
};

/* Per reason and CPU: hits = delivered + aggregated + filtered + lost_ring. */
struct wd_abi_reason_stat {
	__u64 hits;
	__u64 delivered;
	__u64 aggregated;
	__u64 filtered;
	__u64 lost_ring;
};

_Static_assert(sizeof(struct wd_abi_hdr) == 16, "abi");
_Static_assert(sizeof(struct wd_abi_tuple) == 40, "abi");
_Static_assert(sizeof(struct wd_abi_owner) == 32, "abi");
_Static_assert(sizeof(struct wd_abi_conn) == 160, "abi");
_Static_assert(sizeof(struct wd_abi_connect) == 104, "abi");
_Static_assert(sizeof(struct wd_abi_drop_key) == 64, "abi");
_Static_assert(sizeof(struct wd_abi_drop_count) == 24, "abi");
_Static_assert(sizeof(struct wd_abi_drop) == 216, "abi");
_Static_assert(sizeof(struct wd_abi_reset) == 72, "abi");
_Static_assert(sizeof(struct wd_abi_synack) == 64, "abi");
_Static_assert(sizeof(struct wd_abi_sock_error) == 104, "abi");
_Static_assert(sizeof(struct wd_abi_packet) == 176, "abi");
_Static_assert(sizeof(struct wd_abi_snap) == 272, "abi");
_Static_assert(sizeof(struct wd_abi_icmp) == 112, "abi");
_Static_assert(sizeof(struct wd_abi_listen) == 72, "abi");
_Static_assert(sizeof(struct wd_abi_verdict) == 240, "abi");
_Static_assert(sizeof(struct wd_abi_host_key) == 20, "abi");
_Static_assert(sizeof(struct wd_abi_net_key) == 20, "abi");
_Static_assert(sizeof(struct wd_abi_net) == 36, "abi");
_Static_assert(sizeof(struct wd_abi_reason_stat) == 40, "abi");

#endif

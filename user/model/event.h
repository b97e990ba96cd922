/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel side saw, after the record was checked: the only form in which
 * the flow room meets it, live or from a recording.
 *
 * Strings are interned by whoever delivers the event and outlive it. Times are
 * CLOCK_MONOTONIC nanoseconds. Counts are totals, not differences.
 */
#ifndef WD_MODEL_EVENT_H
#define WD_MODEL_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/tuple.h"

/* Where in the stack a packet was when it was dropped. */
enum wd_hook {
	WD_HOOK_UNKNOWN,
	WD_HOOK_PREROUTING,
	WD_HOOK_INPUT,
	WD_HOOK_FORWARD,
	WD_HOOK_OUTPUT,
	WD_HOOK_POSTROUTING,
	WD_HOOK_MAX,
};

/* Who made a connection; taken at connect, in the task that called it. */
struct wd_owner {
	uint64_t cgroup; /* cgroup v2 id, 0 when unknown */
	uint32_t pid;    /* thread group id in the initial pid namespace; 0: owner unknown */
	uint32_t netns;  /* inode of the network namespace */
	char comm[16];
};

enum wd_event_kind {
	WD_EVENT_CONN,           /* something happened to a connecting or connected TCP socket */
	WD_EVENT_CONNECT,        /* connect(2) failed */
	WD_EVENT_DROP,           /* a packet was dropped (first of its kind), or its count grew */
	WD_EVENT_RESET_SENT,     /* this node's TCP answered with RST */
	WD_EVENT_SYNACK_RETRANS, /* a local listener repeats its SYN-ACK: the way back is cut */
	WD_EVENT_SOCK_ERROR,     /* an error was reported to a UDP socket */
	WD_EVENT_PACKET,         /* a packet hook saw a packet go by */
	WD_EVENT_SNAP,           /* headers of a packet, for --pcap */
	WD_EVENT_ICMP_SENT,      /* this node is about to answer with an ICMP error */
	WD_EVENT_LISTEN_FULL,    /* a listener of this node has no room */
	WD_EVENT_VERDICT,        /* who in netfilter decided that a packet is dropped */
	WD_EVENT_MAX,
};

enum wd_conn_trigger {
	WD_CONN_SYN_RETRANS, /* SYN repeated */
	WD_CONN_DROP,        /* a packet of this socket was dropped locally */
	WD_CONN_ESTABLISHED, /* answered, but late */
	WD_CONN_STALL,       /* data repeated by timeout */
	WD_CONN_CLOSED,      /* ended, and not cleanly */
	WD_CONN_DESTROYED,   /* the socket of an ended connection is gone */
	WD_CONN_TRIGGER_MAX,
};

/* States of a TCP socket (include/net/tcp_states.h). */
enum wd_tcp_state {
	WD_TCP_ESTABLISHED = 1,
	WD_TCP_SYN_SENT,
	WD_TCP_SYN_RECV,
	WD_TCP_FIN_WAIT1,
	WD_TCP_FIN_WAIT2,
	WD_TCP_TIME_WAIT,
	WD_TCP_CLOSE,
	WD_TCP_CLOSE_WAIT,
	WD_TCP_LAST_ACK,
	WD_TCP_LISTEN,
	WD_TCP_CLOSING,
};

struct wd_event_conn {
	uint64_t sock;     /* identity of the socket while it lives */
	uint64_t start_ns; /* when connect began; 0 unknown */
	struct wd_owner owner;
	enum wd_conn_trigger trigger;
	uint8_t old_state, new_state;
	bool server; /* the accepting side of a connection (its tuple is turned to client -> server)
	              */
	bool rst_received;
	bool rst_sent;
	bool error_unread;    /* DESTROYED: the process never looked at the error */
	int err;              /* positive errno of the socket, 0 none */
	uint32_t syn_sent;    /* incl. the first */
	uint32_t retransmits; /* data segments repeated in a row by timeout */
	uint32_t seg_len;     /* bytes of data in the segment that was repeated */
	uint32_t mss;
	uint32_t pmtu;
	uint64_t bytes_acked, bytes_received;
	const char *rst_reason; /* NULL when unknown */
};

struct wd_event_drop {
	const char *reason;   /* as the kernel names it, without prefix; NULL below 5.17 */
	const char *function; /* the function that freed the packet; NULL when unknown */
	uint64_t key;         /* identity of (tuple, place, reason) in the kernel's table */
	uint64_t count;
	uint64_t first_ns, last_ns;
	enum wd_hook hook;
	uint32_t netns;  /* inode of the namespace in which it was dropped */
	char device[16]; /* "" unknown */
	uint16_t pkt_len;
	uint8_t tcp_flags; /* FIN 1, SYN 2, RST 4, PSH 8, ACK 16 */
	bool local;        /* sent by a socket of this namespace (not received by a device) */
	bool icmp_error;   /* the packet was an ICMP error; the tuple is the one it quotes */
	uint8_t icmp_type, icmp_code;
	struct wd_owner owner;  /* UDP: who connected the socket, if known */
	bool owner_is_receiver; /* ... and the packet was on its way to that socket */
	bool has_ct; /* conntrack knew it: orig is the client's tuple, reply its answer's */
	struct wd_tuple ct_orig, ct_reply;
};

struct wd_event_reset {
	uint32_t netns;
	const char *reason; /* NULL when unknown */
	bool no_socket;     /* in answer to a SYN for which nobody listens */
	uint8_t tcp_state;  /* of the socket that sent it, 0 none */
};

struct wd_event_connect {
	uint64_t sock; /* 0 unknown */
	struct wd_owner owner;
	int err; /* positive errno */
};

struct wd_event_sock_error {
	uint64_t sock;
	struct wd_owner owner;
	int err;
};

/* Where a packet was seen. */
enum wd_sight {
	WD_SIGHT_DROP, /* where it was freed */
	WD_SIGHT_IN,   /* its device received it (tc ingress) */
	WD_SIGHT_OUT,  /* its device is about to send it (tc egress) */
	WD_SIGHT_XDP,  /* the driver of its device received it */
	WD_SIGHT_MAX,
};

struct wd_event_packet {
	enum wd_sight sight; /* never DROP */
	uint32_t ifindex;    /* in the namespace of this process */
	char device[16];     /* "" when it is gone */
	uint32_t seq, ack;   /* TCP */
	uint16_t len;        /* of the network layer */
	uint8_t tcp_flags;
	uint8_t ttl;
	bool icmp_error; /* the tuple is the one it quotes: */
	uint8_t icmp_type, icmp_code;
	struct wd_addr icmp_from; /* who sent that error */
	bool dns;                 /* UDP from or to port 53: */
	uint16_t dns_id, dns_flags;
	bool has_ct; /* conntrack knew it: orig is the client's tuple, reply its answer's */
	struct wd_tuple ct_orig, ct_reply;
};

struct wd_event_snap {
	enum wd_sight sight;
	uint32_t ifindex;
	uint32_t netns;       /* 0 unknown */
	char device[16];      /* "" unknown */
	const char *reason;   /* DROP: as in wd_event_drop */
	const char *function; /* DROP */
	uint32_t len;         /* of the packet, from its network header on */
	uint16_t caplen;
	uint8_t data[128]; /* network and transport headers */
	bool has_ct;
	struct wd_tuple ct_orig;
};

struct wd_event_icmp {
	uint32_t netns;
	uint8_t type, code;
	uint32_t info; /* next-hop MTU where the error tells one */
	bool has_ct;
	struct wd_tuple ct_orig;
};

enum wd_listen_full {
	WD_LISTEN_ACCEPT_SYN = 1, /* accept queue full, met by a SYN */
	WD_LISTEN_ACCEPT_ACK,     /* ... by the ACK that completes a handshake */
};

struct wd_event_listen {
	uint32_t netns;
	uint32_t backlog, max;
	enum wd_listen_full kind;
};

enum wd_decider {
	WD_BY_UNKNOWN,
	WD_BY_OTHER,  /* a netfilter hook that is no table: conntrack, NAT, IPVS, ... */
	WD_BY_XTABLE, /* a table of iptables-legacy */
	WD_BY_NFT,    /* a chain of nf_tables: nft or iptables-nft */
};

struct wd_event_verdict {
	enum wd_decider by;
	enum wd_hook hook;
	uint32_t netns;       /* 0 unknown */
	const char *function; /* that freed the packet, NULL unknown */
	const char *family;   /* "ip", "ip6", "inet", "bridge", "arp", "netdev"; NULL unknown */
	const char *table;    /* NULL unknown */
	const char *chain;    /* base chain, NULL unknown */
	bool has_ct;
	struct wd_tuple ct_orig;
};

struct wd_event {
	enum wd_event_kind kind;
	uint64_t ts_ns;
	struct wd_tuple tuple; /* CONN, CONNECT, SOCK_ERROR: client -> target; DROP: as in the
	                          packet; RESET_SENT, SYNACK_RETRANS, LISTEN_FULL:
	                          peer -> this side; PACKET, SNAP, ICMP_SENT: as in the packet,
	                          or in the one that an ICMP error quotes */
	union {
		struct wd_event_conn conn;
		struct wd_event_connect connect;
		struct wd_event_drop drop;
		struct wd_event_reset reset;
		struct wd_event_sock_error sock_error;
		struct wd_event_packet packet;
		struct wd_event_snap snap;
		struct wd_event_icmp icmp;
		struct wd_event_listen listen;
		struct wd_event_verdict verdict;
	};
};

const char *wd_hook_name(enum wd_hook h);

#endif

/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The kernel types that the BPF programs touch, and of each only the fields they
 * touch. Offsets are resolved on the running kernel (CO-RE: preserve_access_index),
 * so order and neighbours of the fields mean nothing here, and the same file serves
 * every build host and architecture. A type that kernels spell differently gets a
 * flavour named after the kernel that changed it (struct x___6_11): libbpf ignores
 * what follows the three underscores.
 */
#ifndef WD_VMLINUX_H
#define WD_VMLINUX_H

/* bpf_tracing.h goes by this name: registers are called as the kernel calls them */
#define __VMLINUX_H__ 1

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u32 __wsum;
typedef __u16 __sum16;
typedef _Bool bool;

#define true 1
#define false 0
#ifndef NULL
#define NULL ((void *)0)
#endif

/* include/uapi/linux/bpf.h: values of a stable interface */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_LPM_TRIE = 11,
	BPF_MAP_TYPE_RINGBUF = 27,
};

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_F_NO_PREALLOC = 1,
	BPF_RB_NO_WAKEUP = 1,
};

/* include/uapi/linux/bpf.h: contexts of the packet hooks; of a stable interface too, and not to
 * be relocated: the verifier itself turns these offsets into those of the kernel's structures. */
struct __sk_buff {
	__u32 len;
	__u32 pkt_type;
	__u32 mark;
	__u32 queue_mapping;
	__u32 protocol;
	__u32 vlan_present;
	__u32 vlan_tci;
	__u32 vlan_proto;
	__u32 priority;
	__u32 ingress_ifindex;
	__u32 ifindex;
	__u32 tc_index;
	__u32 cb[5];
	__u32 hash;
	__u32 tc_classid;
	__u32 data;
	__u32 data_end;
};

struct xdp_md {
	__u32 data;
	__u32 data_end;
	__u32 data_meta;
	__u32 ingress_ifindex;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sk_buff;
struct socket;

/* Values are asked from the running kernel by name; only the types are needed here. */
enum skb_drop_reason {
	SKB_NOT_DROPPED_YET,
};

enum sk_rst_reason {
	SK_RST_REASON_NOT_SPECIFIED,
};

struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__be32 u6_addr32[4];
	} in6_u;
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sk_buff_head {
	struct sk_buff *next;
	struct sk_buff *prev;
	__u32 qlen;
};

struct sock {
	struct sock_common __sk_common;
	__u32 sk_ack_backlog;
	__u32 sk_max_ack_backlog;
	struct sk_buff_head sk_error_queue;
	__u16 sk_type;
	__u16 sk_protocol;
	int sk_err;
	int sk_err_soft;
	struct socket *sk_socket;
};

struct inet_sock {
	struct sock sk;
	__be16 inet_sport;
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	__u32 icsk_pmtu_cookie;
	__u8 icsk_retransmits;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 segs_out;
	__u32 mss_cache;
	__u64 bytes_received;
	__u64 bytes_acked;
};

struct request_sock_ops;
struct tcp_request_sock_ops;

struct request_sock {
	struct sock_common __req_common;
	__u8 num_retrans;
};

struct net_device {
	char name[16];
	int ifindex;
	unsigned int flags;
	unsigned int priv_flags; /* a bit-field since 6.12: read as one */
	possible_net_t nd_net;
};

struct dst_entry {
	struct net_device *dev;
	int (*input)(struct sk_buff *);
};

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	char cb[48];
	unsigned long _skb_refdst;
	unsigned long _nfct;
	unsigned int len;
	int skb_iif;
	__be16 protocol;
	__u16 network_header;
	unsigned int tail; /* an offset on 64-bit kernels */
	unsigned char *head;
};

/* include/linux/errqueue.h: in skb->cb of what waits in sk_error_queue */
struct sock_extended_err {
	__u32 ee_errno;
	__u8 ee_origin;
};

struct sock_exterr_skb {
	struct sock_extended_err ee;
};

union nf_inet_addr {
	__u32 all[4];
};

union nf_conntrack_man_proto {
	__be16 all;
};

struct nf_conntrack_man {
	union nf_inet_addr u3;
	union nf_conntrack_man_proto u;
	__u16 l3num;
};

struct nf_conntrack_tuple {
	struct nf_conntrack_man src;
	struct {
		union nf_inet_addr u3;
		union {
			__be16 all;
		} u;
		__u8 protonum;
	} dst;
};

struct nf_conntrack_tuple_hash {
	struct nf_conntrack_tuple tuple;
};

struct nf_conn {
	struct nf_conntrack_tuple_hash tuplehash[2];
};

/* include/linux/netfilter.h; hook was an int before 5.17 */
struct nf_hook_state {
	__u8 hook;
	__u8 pf;
};

/* include/net/netfilter/nf_tables.h: pktinfo begins with its skb in every kernel */
struct nft_pktinfo {
	struct sk_buff *skb;
};

struct nft_table {
	char *name;
};

struct nft_chain {
	struct nft_table *table;
	char *name;
};

/* include/linux/netfilter/x_tables.h */
struct xt_table {
	const char name[32];
};

/* Records of plain tracepoints (include/trace/events/): those that carry the kernel's own
 * pointers. Classes were renamed when a tracepoint got an argument of its own. */
struct trace_event_raw_inet_sock_set_state {
	const void *skaddr;
	int oldstate;
	int newstate;
};

struct trace_event_raw_tcp_event_sk {
	const void *skaddr;
};

struct trace_event_raw_tcp_event_sk_skb {
	const void *skbaddr;
	const void *skaddr;
};

struct trace_event_raw_tcp_retransmit_skb { /* 6.17 */
	const void *skbaddr;
	const void *skaddr;
};

struct trace_event_raw_tcp_send_reset { /* 6.10 */
	const void *skbaddr;
	const void *skaddr;
	enum sk_rst_reason reason;
};

struct trace_event_raw_tcp_retransmit_synack {
	const void *skaddr;
	const void *req;
};

struct trace_event_raw_kfree_skb {
	void *skbaddr;
	void *location;
	enum skb_drop_reason reason;
};

struct trace_event_raw_icmp_send { /* 6.11 */
	const void *skbaddr;
	int type;
	int code;
};

struct trace_event_raw_sys_enter {
	unsigned long args[6];
};

struct trace_event_raw_sys_exit {
	long ret;
};

struct socket {
	struct sock *sk;
};

struct file_operations;

struct file {
	const struct file_operations *f_op;
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct thread_info {
	unsigned long flags;
	__u32 status;
};

struct task_struct {
	struct thread_info thread_info;
	struct files_struct *files;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long bp;
	unsigned long r8;
	unsigned long ax;
	unsigned long cx;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long ip;
	unsigned long sp;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	__u64 regs[31];
	__u64 sp;
	__u64 pc;
};
struct pt_regs {
	__u64 regs[31];
	__u64 orig_x0;
	__s32 syscallno;
};
#else
#error "vmlinux.h: pt_regs of this architecture is not described"
#endif

#pragma clang attribute pop

#endif

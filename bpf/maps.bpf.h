/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Every map and setting of the kernel side. Sizes are defaults; the reader may
 * set others before loading. */
#ifndef WD_MAPS_BPF_H
#define WD_MAPS_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "abi.h"

/* ---- settings --------------------------------------------------------------- */

const volatile __u32 wd_abi __weak = WD_ABI;
/* kfree_skb tells a reason (5.17 and later). */
const volatile bool wd_kfree_has_reason __weak = false;
/* tcp_send_reset tells a reason (6.10 and later). */
const volatile bool wd_reset_has_reason __weak = false;
/* tcp_destroy_sock is attached: a connection is forgotten there, not at CLOSE. */
const volatile bool wd_have_destroy __weak = false;
/* tcp_connect is attached: a connection begins there, with its SYN. */
const volatile bool wd_have_tcp_connect __weak = false;
/* Headers of dropped packets are wanted (--pcap). */
const volatile bool wd_snap __weak = false;
/* The kernel lets programs read its memory (read.bpf.h). */
const volatile bool wd_may_read __weak = true;
/* 1: a drop for this reason says nothing about a connection (filled by name). */
const volatile __u8 wd_reason_ignored[WD_REASON_SLOTS] __weak = {};

/* WD_MATCH_*: which of the target maps are in use. Changes while running. */
volatile __u32 wd_match __weak = 0;

/* ---- records ---------------------------------------------------------------- */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 2 << 20);
} wd_ring SEC(".maps") __weak;

/* ---- connections ------------------------------------------------------------ */

struct wd_conn {
	struct wd_abi_owner owner;
	__u64 start_ns;
	__u32 flags; /* WD_ABI_CONN_* */
	__u32 syn_retrans;
	__u32 err;
	__u32 pad;
};

/* Connecting and connected client sockets of the targets, by socket. LRU: with very many
 * long-lived connections some lose their owner (counted when they end: conn_evicted); which
 * ones is the kernel's choice, roughly those not looked at for longest. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct wd_conn);
} wd_conns SEC(".maps") __weak;

/* Who connected a UDP socket, by its tuple: a forwarded drop has no socket. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct wd_abi_tuple);
	__type(value, struct wd_abi_owner);
} wd_udp_owners SEC(".maps") __weak;

/* The task that began a TCP connect last on this CPU: saves connect(2)'s exit probe
 * the way from descriptor to socket. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} wd_last_tcp SEC(".maps") __weak;

/* A connect that is under way, by its task: for ways that see its begin and its result
 * in two programs. */
struct wd_connecting {
	__u64 sock; /* 0: look the descriptor up */
	__u64 fd;
	__u8 addr[16];
	__u16 port;
	__u16 pad[3];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct wd_connecting);
} wd_connecting SEC(".maps") __weak;

struct wd_limit {
	__u64 window;
	__u64 count;
};

/* What may be sent at most, a second and CPU, where any stranger can cause records. */
enum wd_limited {
	WD_LIMIT_RESET,
	WD_LIMIT_ICMP,
	WD_LIMIT_LISTEN,
	WD_LIMIT_VERDICT,
	WD_LIMIT_SNAP,
	WD_LIMIT_MAX,
};
#define WD_LIMIT_RATE 256

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WD_LIMIT_MAX);
	__type(key, __u32);
	__type(value, struct wd_limit);
} wd_limits SEC(".maps") __weak;

/* ---- drops ------------------------------------------------------------------ */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct wd_abi_drop_key);
	__type(value, struct wd_abi_drop_count);
} wd_drops SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WD_REASON_SLOTS);
	__type(key, __u32);
	__type(value, struct wd_abi_reason_stat);
} wd_reason_stats SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WD_STAT_MAX);
	__type(key, __u32);
	__type(value, __u64);
} wd_stats SEC(".maps") __weak;

/* ---- targets ---------------------------------------------------------------- */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct wd_abi_host_key);
	__type(value, __u8);
} wd_hosts SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct wd_abi_net_key);
	__type(value, struct wd_abi_net);
} wd_nets SEC(".maps") __weak;

static __always_inline void wd_count(__u32 stat)
{
	__u64 *n = bpf_map_lookup_elem(&wd_stats, &stat);

	if (n)
		__sync_fetch_and_add(n, 1);
}

static __always_inline bool wd_within_limit(__u32 what)
{
	__u64 window = bpf_ktime_get_ns() >> 30;
	struct wd_limit *l = bpf_map_lookup_elem(&wd_limits, &what);

	if (!l)
		return false;
	if (l->window != window) {
		l->window = window;
		l->count = 0;
	}
	return l->count++ < WD_LIMIT_RATE;
}

#endif

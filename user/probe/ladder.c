/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/ladder.h"

#include <string.h>

#define LOST_KPROBE_CONNECT "attempts that a cgroup or LSM program refuses are not seen"

/*
 * Of points that are tracepoints the typed tracepoint is the cheapest way; of functions,
 * fentry and fexit. A kprobe costs several times as much. Plain tracepoints need a mounted
 * tracefs and the perf_event interface.
 */
static const struct wd_rung ladder[WD_POINT_MAX][WD_RUNGS_MAX + 1] =
	{
		[WD_POINT_SET_STATE] =
			{
				{WD_WAY_TP_BTF, {"wd_set_state_btf"}, NULL},
				{WD_WAY_RAW_TP, {"wd_set_state_raw"}, NULL},
				{WD_WAY_KPROBE, {"wd_set_state_kprobe"}, NULL},
				{WD_WAY_TRACEPOINT, {"wd_set_state_tp"}, NULL},
			},
		[WD_POINT_TCP_CONNECT] =
			{
				{WD_WAY_FENTRY, {"wd_tcp_connect_fentry"}, NULL},
				{WD_WAY_KPROBE, {"wd_tcp_connect_kprobe"}, NULL},
			},
		[WD_POINT_DESTROY] =
			{
				{WD_WAY_TP_BTF, {"wd_destroy_btf"}, NULL},
				{WD_WAY_RAW_TP, {"wd_destroy_raw"}, NULL},
				{WD_WAY_KPROBE, {"wd_destroy_kprobe"}, NULL},
				{WD_WAY_TRACEPOINT, {"wd_destroy_tp"}, NULL},
			},
		[WD_POINT_RETRANSMIT] =
			{
				{WD_WAY_TP_BTF, {"wd_retransmit_btf"}, NULL},
				{WD_WAY_RAW_TP, {"wd_retransmit_raw"}, NULL},
				{WD_WAY_KPROBE, {"wd_retransmit_kprobe"}, NULL},
				{WD_WAY_TRACEPOINT, {"wd_retransmit_tp"}, NULL},
			},
		[WD_POINT_SYNACK] =
			{
				{WD_WAY_TP_BTF, {"wd_synack_btf"}, NULL},
				{WD_WAY_RAW_TP, {"wd_synack_raw"}, NULL},
				{WD_WAY_KPROBE, {"wd_synack_kprobe"}, NULL},
				{WD_WAY_TRACEPOINT, {"wd_synack_tp"}, NULL},
			},
		[WD_POINT_RECEIVE_RESET] =
			{
				{WD_WAY_TP_BTF, {"wd_receive_reset_btf"}, NULL},
				{WD_WAY_RAW_TP, {"wd_receive_reset_raw"}, NULL},
				{WD_WAY_KPROBE, {"wd_receive_reset_kprobe"}, NULL},
				{WD_WAY_TRACEPOINT, {"wd_receive_reset_tp"}, NULL},
			},
		[WD_POINT_SEND_RESET] =
			{
				{WD_WAY_TP_BTF, {"wd_send_reset_btf"}, NULL},
				{WD_WAY_RAW_TP, {"wd_send_reset_raw"}, NULL},
				{WD_WAY_TRACEPOINT, {"wd_send_reset_tp"}, NULL},
			},
		[WD_POINT_REFUSE] =
			{
				{WD_WAY_FENTRY,
                                 {"wd_refuse_v4_fentry", "?wd_refuse_v6_fentry"},
                                 NULL},
				{WD_WAY_KPROBE,
                                 {"wd_refuse_v4_kprobe", "?wd_refuse_v6_kprobe"},
                                 NULL},
			},
		[WD_POINT_ERROR_REPORT] =
			{
				{WD_WAY_TP_BTF, {"wd_error_report_btf"}, NULL},
				{WD_WAY_RAW_TP, {"wd_error_report_raw"}, NULL},
				{WD_WAY_FENTRY, {"wd_error_report_fentry"}, NULL},
				{WD_WAY_KPROBE, {"wd_error_report_kprobe"}, NULL},
			},
		[WD_POINT_KFREE_SKB] =
			{
				{WD_WAY_TP_BTF, {"wd_kfree_skb_btf"}, NULL},
				{WD_WAY_RAW_TP, {"wd_kfree_skb_raw"}, NULL},
				{WD_WAY_TRACEPOINT, {"wd_kfree_skb_tp"}, NULL},
			},
		[WD_POINT_CONNECT] =
			{
				{WD_WAY_FENTRY,
                                 {"wd_connect_stream_fexit", "wd_connect_dgram_fexit",
                                  "?wd_connect_lsm_fexit"},
                                 NULL},
				{WD_WAY_TP_BTF, {"wd_sys_exit_btf"}, NULL},
				{WD_WAY_RAW_TP, {"wd_sys_exit_raw"}, NULL},
				{WD_WAY_KPROBE,
                                 {"wd_connect_v4_kprobe", "wd_connect_v4_kretprobe",
                                  "?wd_connect_v6_kprobe", "?wd_connect_v6_kretprobe",
                                  "wd_connect_dgram_kprobe", "wd_connect_dgram_kretprobe"},
                                 LOST_KPROBE_CONNECT},
				{WD_WAY_TRACEPOINT,
                                 {"wd_connect_enter_tp", "wd_connect_exit_tp"},
                                 NULL},
			},
		[WD_POINT_ICMP] =
			{
				{WD_WAY_FENTRY, {"wd_icmp_fentry"}, NULL},
				{WD_WAY_TP_BTF, {"wd_icmp_btf"}, NULL},
				{WD_WAY_RAW_TP, {"wd_icmp_raw"}, NULL},
				{WD_WAY_KPROBE, {"wd_icmp_kprobe"}, NULL},
				{WD_WAY_TRACEPOINT, {"wd_icmp_tp"}, NULL},
			},
		[WD_POINT_ICMP6] =
			{
				{WD_WAY_FENTRY, {"wd_icmp6_fentry"}, NULL},
				{WD_WAY_KPROBE, {"wd_icmp6_kprobe"}, NULL},
			},
		[WD_POINT_LISTEN_SYN] =
			{
				{WD_WAY_FENTRY, {"wd_listen_syn_fentry"}, NULL},
				{WD_WAY_KPROBE, {"wd_listen_syn_kprobe"}, NULL},
			},
		[WD_POINT_LISTEN_ACK] =
			{
				{WD_WAY_FENTRY,
                                 {"wd_listen_ack4_fentry", "?wd_listen_ack6_fentry"},
                                 NULL},
				{WD_WAY_KPROBE,
                                 {"wd_listen_ack4_kprobe", "?wd_listen_ack6_kprobe"},
                                 NULL},
			},
		[WD_POINT_NF_HOOK] =
			{
				{WD_WAY_FENTRY, {"wd_hook_fentry", "wd_hook_fexit"}, NULL},
				{WD_WAY_KPROBE, {"wd_hook_kprobe", "wd_hook_kretprobe"}, NULL},
			},
		[WD_POINT_NFT] =
			{
				{WD_WAY_FENTRY, {"wd_nft_fentry", "wd_nft_fexit"}, NULL},
				{WD_WAY_KPROBE, {"wd_nft_kprobe", "wd_nft_kretprobe"}, NULL},
			},
		[WD_POINT_IPT] =
			{
				{WD_WAY_FENTRY, {"wd_ipt_fentry", "wd_ipt_fexit"}, NULL},
				{WD_WAY_KPROBE, {"wd_ipt_kprobe", "wd_ipt_kretprobe"}, NULL},
			},
		[WD_POINT_IP6T] =
			{
				{WD_WAY_FENTRY, {"wd_ip6t_fentry", "wd_ip6t_fexit"}, NULL},
				{WD_WAY_KPROBE, {"wd_ip6t_kprobe", "wd_ip6t_kretprobe"}, NULL},
			},
};

#define LOCKDOWN "kernel lockdown forbids reading kernel memory: "

/* What a program can know by typed pointers alone: sockets, but neither packets nor what lies
 * behind an untyped pointer. NULL: the point is of no use then. */
static const char *const locked_down[WD_POINT_MAX] = {
	[WD_POINT_SET_STATE] = "",
	[WD_POINT_TCP_CONNECT] = "",
	[WD_POINT_DESTROY] = "",
	[WD_POINT_RETRANSMIT] = "",
	[WD_POINT_SYNACK] = "",
	[WD_POINT_RECEIVE_RESET] = "",
	[WD_POINT_SEND_RESET] = LOCKDOWN "refusals of a SYN for which nobody listens are not seen",
	[WD_POINT_ERROR_REPORT] = LOCKDOWN
	"UDP errors lack their source port, and a connect that an ICMP error ends is not seen",
	[WD_POINT_KFREE_SKB] = LOCKDOWN
	"only drops of packets that a socket of this node sends are seen, not those "
	"of forwarded or received ones",
};

bool wd_ladder_locked_down(enum wd_point point, const char **ret_lost)
{
	const char *lost = locked_down[point];

	*ret_lost = lost && lost[0] ? lost : lost ? NULL : wd_point_lost(point);
	return lost;
}

const struct wd_rung *wd_ladder(enum wd_point point)
{
	return ladder[point];
}

int wd_ladder_find(enum wd_point point, enum wd_way way)
{
	for (int i = 0; ladder[point][i].programs[0]; i++)
		if (ladder[point][i].way == way)
			return i;
	return -1;
}

bool wd_point_offers(enum wd_point p, enum wd_way w)
{
	return wd_ladder_find(p, w) >= 0;
}

enum wd_point wd_ladder_point_of(const char *program)
{
	for (unsigned int p = 0; p < WD_POINT_MAX; p++)
		for (const struct wd_rung *r = ladder[p]; r->programs[0]; r++)
			for (unsigned int i = 0; r->programs[i]; i++)
				if (strcmp(r->programs[i] + (r->programs[i][0] == '?'), program) ==
				    0)
					return (enum wd_point)p;
	return WD_POINT_MAX;
}

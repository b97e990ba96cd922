/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who in netfilter dropped a packet: which hook, which table, which base chain.
 *
 * These run for every packet that passes a hook, so they are attached only while a filter
 * drops packets of a target, and taken away again. They write down, on each CPU, the hook and
 * the table that are at work; when a packet is freed, its frame tells who had it.
 *
 * nf_hook_slow() (net/netfilter/core.c) calls the hooks one after another; of these
 * ipt_do_table(), ip6t_do_table() (iptables-legacy) and nft_do_chain() (nft, iptables-nft)
 * evaluate tables. Older kernels free the packet when they are back in nf_hook_slow(), newer
 * ones inside of nft_do_chain(): both are told apart from a drop by any other hook.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "conn.bpf.h"
#include "packet.bpf.h"
#include "target.bpf.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

#define WD_FRAMES  8 /* nested: a filter that rejects sends a packet of its own */
#define WD_BY_HOOK WD_ABI_BY_OTHER

#define NF_DROP         0
#define NF_VERDICT_MASK 0xff

struct wd_frame {
	__u64 skb;  /* 0: nobody's */
	__u64 what; /* struct xt_table or nft_chain */
	__u64 jiffies;
	__u8 by; /* enum wd_abi_decider */
	__u8 hook, pf;
	__u8 pad[5];
};

struct wd_frames {
	__u32 depth;
	__u32 pad;
	struct wd_frame frame[WD_FRAMES];
	struct wd_frame dropped; /* the last that a table refused */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wd_frames);
} wd_frames SEC(".maps") __weak;

/* The frame at `i`, in a form that every verifier follows: its bound is seen right here. */
static __always_inline struct wd_frame *wd_frame_at(struct wd_frames *v, __u32 i)
{
	asm volatile("%0 &= %1" : "+r"(i) : "i"(WD_FRAMES - 1));
	return &v->frame[i];
}

static __always_inline struct wd_frames *wd_frames_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&wd_frames, &zero);
}

static __always_inline int wd_hook_entry(struct sk_buff *skb, struct nf_hook_state *state, bool btf)
{
	struct wd_frames *v = wd_frames_here();
	struct wd_frame *f;
	__u32 depth;

	if (!v)
		return 0;
	depth = v->depth < WD_FRAMES ? v->depth : 0;
	f = wd_frame_at(v, depth);
	f->skb = (__u64)skb;
	f->what = 0;
	f->jiffies = bpf_jiffies64();
	f->by = WD_BY_HOOK;
	f->hook = WD_READ(btf, state, hook);
	f->pf = WD_READ(btf, state, pf);
	v->depth = depth + 1;
	return 0;
}

/* A table's frame stands on that of its hook, which knows the packet. */
static __always_inline int wd_table_entry(__u64 arg1, __u64 arg3, __u8 by)
{
	struct wd_frames *v = wd_frames_here();
	struct wd_frame *f, *hook;
	__u32 depth;

	if (!v || !v->depth || v->depth >= WD_FRAMES)
		return 0;
	depth = v->depth;
	hook = wd_frame_at(v, depth - 1);
	if (hook->by != WD_BY_HOOK)
		return 0;
	f = wd_frame_at(v, depth);
	*f = *hook;
	f->by = by;
	/* ipt_do_table(skb, state, table) before 5.17, (table, skb, state) since */
	f->what = arg1 == hook->skb ? arg3 : arg1;
	v->depth = depth + 1;
	return 0;
}

static __always_inline int wd_frame_exit(__u8 by, bool dropped)
{
	struct wd_frames *v = wd_frames_here();
	struct wd_frame *f;

	if (!v || !v->depth)
		return 0;
	f = wd_frame_at(v, v->depth - 1);
	if (f->by != by) {
		/* Something was not seen to return: only a hook's end is sure to clean up. */
		if (by != WD_BY_HOOK)
			return 0;
		v->depth = 0;
		return 0;
	}
	if (dropped)
		v->dropped = *f;
	f->skb = 0;
	v->depth--;
	return 0;
}

/* ---- when a packet is freed ------------------------------------------------------------- */

/* What is older belongs to another packet at the same address. In ticks: 0.1 s to 1 s. */
#define WD_FRAME_AGE 100

static __always_inline bool wd_frame_of(const struct wd_frame *f, struct sk_buff *skb, __u64 now)
{
	return f->skb == (__u64)skb && now - f->jiffies < WD_FRAME_AGE;
}

static __always_inline bool wd_frame_find(struct wd_frames *v, struct sk_buff *skb,
                                          struct wd_frame *ret)
{
	__u64 now = bpf_jiffies64();

	if (wd_frame_of(&v->dropped, skb, now)) {
		*ret = v->dropped;
		v->dropped.skb = 0;
		return true;
	}
#pragma unroll
	for (int i = WD_FRAMES - 1; i >= 0; i--) {
		if ((__u32)i < v->depth && wd_frame_of(&v->frame[i], skb, now)) {
			*ret = v->frame[i];
			return true;
		}
	}
	return false;
}

static __always_inline void wd_verdict_names(struct wd_abi_verdict *r, const struct wd_frame *f)
{
	if (f->by == WD_ABI_BY_NFT && bpf_core_type_exists(struct nft_chain)) {
		struct nft_chain *chain = (struct nft_chain *)f->what;

		bpf_probe_read_kernel_str(r->chain, sizeof(r->chain), BPF_CORE_READ(chain, name));
		bpf_probe_read_kernel_str(r->table, sizeof(r->table),
		                          BPF_CORE_READ(chain, table, name));
	}
	if (f->by == WD_ABI_BY_XTABLE && bpf_core_type_exists(struct xt_table)) {
		struct xt_table *table = (struct xt_table *)f->what;

		bpf_core_read_str(r->table, 32, &table->name);
	}
}

static __always_inline int wd_on_verdict(struct sk_buff *skb, __u64 location, bool btf)
{
	struct wd_abi_tuple orig = {}, reply = {};
	struct wd_frames *v = wd_frames_here();
	struct wd_abi_verdict *r;
	struct wd_frame f = {};
	struct net_device *dev;
	struct wd_packet p;

	if (!v || (!v->depth && v->dropped.skb != (__u64)skb) || !wd_frame_find(v, skb, &f))
		return 0;
	/* an ICMP error bears the tuple that it quotes: its fate is not that packet's */
	if (wd_parse_skb(skb, &p, btf) != WD_PARSE_OK || p.icmp_error)
		return 0;
	if (!wd_skb_ct(skb, &orig, &reply, btf))
		orig.proto = 0;
	if (!wd_target_tuple(&p.tuple) && !(orig.proto && wd_target_tuple(&orig)))
		return 0;
	/* one is as good as a thousand: what is beyond the limit is no loss */
	if (!wd_within_limit(WD_LIMIT_VERDICT))
		return 0;
	r = bpf_ringbuf_reserve(&wd_ring, sizeof(*r), 0);
	if (!r) {
		wd_count(WD_STAT_CONN_LOST_RING);
		return 0;
	}
	__builtin_memset(r, 0, sizeof(*r));
	wd_hdr(&r->hdr, WD_ABI_VERDICT, sizeof(*r));
	r->tuple = p.tuple;
	r->ct_orig = orig;
	r->location = location;
	r->by = f.by;
	r->hook = f.hook;
	r->pf = f.pf;
	dev = WD_READ(btf, skb, dev);
	if ((long)dev < 0) {
		struct net *net = BPF_CORE_READ(dev, nd_net.net);

		r->netns = net ? BPF_CORE_READ(net, ns.inum) : 0;
	}
	wd_verdict_names(r, &f);
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tp_btf/kfree_skb")
int wd_verdict_btf(__u64 *ctx)
{
	return wd_on_verdict((struct sk_buff *)ctx[0], ctx[1], true);
}

SEC("raw_tp/kfree_skb")
int wd_verdict_raw(__u64 *ctx)
{
	return wd_on_verdict((struct sk_buff *)ctx[0], ctx[1], false);
}

/* ---- the hooks and tables ---------------------------------------------------------------------
 */

SEC("fentry/nf_hook_slow")
int BPF_PROG(wd_hook_fentry, struct sk_buff *skb, struct nf_hook_state *state)
{
	return wd_hook_entry(skb, state, true);
}

SEC("fexit/nf_hook_slow")
int wd_hook_fexit(__u64 *ctx)
{
	return wd_frame_exit(WD_BY_HOOK, false);
}

SEC("kprobe/nf_hook_slow")
int BPF_KPROBE(wd_hook_kprobe, struct sk_buff *skb, struct nf_hook_state *state)
{
	return wd_hook_entry(skb, state, false);
}

SEC("kretprobe/nf_hook_slow")
int BPF_KRETPROBE(wd_hook_kretprobe)
{
	return wd_frame_exit(WD_BY_HOOK, false);
}

SEC("fentry/nft_do_chain")
int wd_nft_fentry(__u64 *ctx)
{
	return wd_table_entry(ctx[1], 0, WD_ABI_BY_NFT);
}

SEC("fexit/nft_do_chain")
int wd_nft_fexit(__u64 *ctx)
{
	return wd_frame_exit(WD_ABI_BY_NFT, ((__u32)ctx[2] & NF_VERDICT_MASK) == NF_DROP);
}

SEC("kprobe/nft_do_chain")
int BPF_KPROBE(wd_nft_kprobe, void *pkt, void *priv)
{
	return wd_table_entry((__u64)priv, 0, WD_ABI_BY_NFT);
}

SEC("kretprobe/nft_do_chain")
int BPF_KRETPROBE(wd_nft_kretprobe, unsigned int ret)
{
	return wd_frame_exit(WD_ABI_BY_NFT, (ret & NF_VERDICT_MASK) == NF_DROP);
}

#define WD_XTABLE(family, function)                                                         \
	SEC("fentry/" function)                                                             \
	int wd_##family##_fentry(__u64 *ctx)                                                \
	{                                                                                   \
		return wd_table_entry(ctx[0], ctx[2], WD_ABI_BY_XTABLE);                    \
	}                                                                                   \
	SEC("fexit/" function)                                                              \
	int wd_##family##_fexit(__u64 *ctx)                                                 \
	{                                                                                   \
		return wd_frame_exit(WD_ABI_BY_XTABLE,                                      \
		                     ((__u32)ctx[3] & NF_VERDICT_MASK) == NF_DROP);         \
	}                                                                                   \
	SEC("kprobe/" function)                                                             \
	int BPF_KPROBE(wd_##family##_kprobe, __u64 arg1, __u64 arg2, __u64 arg3)            \
	{                                                                                   \
		return wd_table_entry(arg1, arg3, WD_ABI_BY_XTABLE);                        \
	}                                                                                   \
	SEC("kretprobe/" function)                                                          \
	int BPF_KRETPROBE(wd_##family##_kretprobe, unsigned int ret)                        \
	{                                                                                   \
		return wd_frame_exit(WD_ABI_BY_XTABLE, (ret & NF_VERDICT_MASK) == NF_DROP); \
	}

WD_XTABLE(ipt, "ipt_do_table")
WD_XTABLE(ip6t, "ip6t_do_table")

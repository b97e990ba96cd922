/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of the attempt were dropped on this node. */
#include <errno.h>
#include <string.h>

#include "diagnose/case.h"

/*
 * The other witness of a filter: its own answer. REJECT sends ICMP or RST. Only if it took
 * every SYN: one that came through may have been refused by the backend itself.
 */
static bool client_was_rejected(const struct wd_case *c)
{
	const struct wd_flow *f = c->flow;

	if (f->tuple.proto == WD_PROTO_TCP && !f->established && !c->drop->reply &&
	    c->drop_count < f->syn_sent)
		return false;
	return f->outcome == WD_OUTCOME_REFUSED || f->outcome == WD_OUTCOME_UNREACHABLE;
}

static const char *how_many(struct wd_case *c)
{
	const struct wd_flow *f = c->flow;
	uint64_t n = c->drop_count;

	if (c->drop->reply)
		return "the answer";
	if (f->tuple.proto == WD_PROTO_TCP && f->syn_sent && !f->established) {
		if (n >= f->syn_sent)
			return f->syn_sent == 1 ? "the client's SYN"
			       : f->syn_sent == 2
			               ? "both SYNs"
			               : wd_arena_printf(c->arena, "all %u SYNs", f->syn_sent);
		return wd_arena_printf(c->arena, "%llu of %u SYNs", (unsigned long long)n,
		                       f->syn_sent);
	}
	return wd_arena_printf(c->arena, "%llu %s", (unsigned long long)n, wd_case_packets(c, n));
}

/* Some got through, and those were not answered either (or the filter has a limit). */
static bool only_some(const struct wd_case *c)
{
	return !c->drop->reply && c->flow->syn_sent > 1 && !c->flow->established &&
	       c->drop_count * 2 < c->flow->syn_sent;
}

/*
 * NAT that finds no free source port lets the packet go on, and connection tracking then
 * drops it where it would be confirmed, behind POSTROUTING: no rule said so.
 */
static bool ports_exhausted(struct wd_case *c)
{
	const struct wd_flow_verdict *v = wd_case_verdict(c);
	const struct wd_facts *x = c->facts;

	/* a rule said so */
	if (v && v->by != WD_BY_OTHER)
		return false;
	/* for UDP the same counter grows when two packets race (DNS: A and AAAA at once) */
	if (wd_case_hook(c) != WD_HOOK_POSTROUTING || c->drop->reply || !x->ct_known ||
	    x->ct_insert_failed < c->drop_count || c->flow->tuple.proto != WD_PROTO_TCP)
		return false;
	wd_case_evidence(c, "counter", "conntrack insert_failed of the node grew by %llu",
	                 (unsigned long long)x->ct_insert_failed);
	wd_case_answer(c, WD_CAUSE_SNAT_PORTS_EXHAUSTED, WD_CONFIDENCE_LIKELY,
	               "the node's NAT finds no free source port for another connection to %s",
	               c->backend);
	wd_case_next(c, "on the node: conntrack -S; conntrack -L -d the address | wc -l; spread "
	                "over more destinations or source addresses, reuse connections");
	return true;
}

/* Whoever may add rules in a namespace chooses their names: what is offered as a command is
 * made of ordinary ones only. */
static bool fits_command(const char *name)
{
	return name && name[0] && name[0] != '-' &&
	       !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                          "0123456789_.:-")];
}

/* "chain FORWARD of table ip filter (nf_tables)", as far as it is known. */
static const char *table_words(struct wd_case *c, const struct wd_flow_verdict *v)
{
	const char *tool = v->by == WD_BY_NFT ? "nf_tables" : "iptables-legacy";

	if (!v->table || !v->chain)
		return wd_arena_printf(c->arena, "a table of %s", tool);
	return wd_arena_printf(c->arena, "chain %s of table %s%s%s (%s)", v->chain,
	                       v->by == WD_BY_NFT && v->family ? v->family : "",
	                       v->by == WD_BY_NFT && v->family ? " " : "", v->table, tool);
}

/*
 * Netfilter dropped it, and every table was seen to let it pass: it was one of the hooks that
 * have no rules.
 */
static void no_table_did(struct wd_case *c)
{
	const char *place = wd_case_place(c, c->drop_index), *hook = c->f->drop.hook;

	wd_case_answer(c, WD_CAUSE_KERNEL_DROP,
	               only_some(c) ? WD_CONFIDENCE_POSSIBLE : WD_CONFIDENCE_LIKELY,
	               "netfilter drops %s in %s%s%s%s, but no rule does: every table let it pass, "
	               "so it was a hook without rules (connection tracking, NAT, IPVS, BPF)",
	               how_many(c), place, hook ? " (hook " : "", hook ? hook : "",
	               hook ? ")" : "");
	wd_case_next(c,
	             "in %s: conntrack -S (drop: the table is full; insert_failed: no free "
	             "port, or two packets raced); ipvsadm -Ln",
	             place);
}

static void filter_denied(struct wd_case *c)
{
	const struct wd_flow_verdict *v = wd_case_verdict(c);
	const struct wd_flow *f = c->flow;
	const char *place = wd_case_place(c, c->drop_index), *hook = c->f->drop.hook;
	enum wd_confidence sure = client_was_rejected(c) ? WD_CONFIDENCE_CERTAIN
	                                                 : WD_CONFIDENCE_LIKELY;

	if (v && v->by == WD_BY_OTHER) {
		no_table_did(c);
		return;
	}
	/* the table's own verdict, besides the packet that was freed */
	if (v)
		sure = WD_CONFIDENCE_CERTAIN;
	if (only_some(c))
		sure = WD_CONFIDENCE_POSSIBLE;
	if (v)
		wd_case_evidence(c, "rule", "%s says drop", table_words(c, v));
	if (hook)
		place = wd_arena_printf(c->arena, "%s (hook %s)", place, hook);
	wd_case_answer(c, WD_CAUSE_FILTER_DENIED, sure, "a netfilter rule in %s %s %s%s%s%s", place,
	               client_was_rejected(c) ? "rejects" : "drops", how_many(c),
	               c->drop->reply ? " on its way back to the client" : " to ",
	               c->drop->reply ? "" : c->target,
	               f->outcome == WD_OUTCOME_ANSWERED_LATE ? "; a later one got through" : "");
	if (v && fits_command(v->table) && fits_command(v->chain))
		wd_case_next(c, "list that chain with counters, in %s: %s%s%s %s%s%s",
		             wd_case_place(c, c->drop_index),
		             v->by == WD_BY_NFT                           ? "nft list chain "
		             : v->family && strcmp(v->family, "ip6") == 0 ? "ip6tables-legacy -vnL "
		                                                          : "iptables-legacy -vnL ",
		             v->by == WD_BY_NFT ? (v->family ? v->family : "inet") : v->chain,
		             v->by == WD_BY_NFT ? "" : " -t", v->table,
		             v->by == WD_BY_NFT ? " " : "", v->by == WD_BY_NFT ? v->chain : "");
	else
		wd_case_next(c,
		             "list the rules of that hook with counters, in %s: "
		             "iptables-legacy-save -c; "
		             "iptables-nft-save -c; nft list ruleset",
		             wd_case_place(c, c->drop_index));
	/* in front of, or in place of, every rule: tracking that has no room drops as well */
	if (!v && !c->drop->d.has_ct &&
	    (c->drop->d.hook == WD_HOOK_PREROUTING || c->drop->d.hook == WD_HOOK_OUTPUT))
		wd_case_next(c, "if no rule there counts it: is the conntrack table full "
		                "(conntrack -S; nf_conntrack_count against nf_conntrack_max)?");
}

static void rp_filter(struct wd_case *c)
{
	const char *place = wd_case_place(c, c->drop_index);
	bool counted = c->facts->rpf_known && c->facts->rpf_drops >= c->drop_count;
	char source[WD_ADDR_STRLEN];

	wd_addr_format(!c->drop->reply        ? &c->flow->tuple.saddr
	               : c->flow->has_backend ? &c->flow->backend
	                                      : &c->flow->tuple.daddr,
	               source);
	if (counted)
		wd_case_evidence(c, "counter", "IPReversePathFilter of %s grew by %llu", place,
		                 (unsigned long long)c->facts->rpf_drops);
	wd_case_answer(c, WD_CAUSE_REVERSE_PATH_FILTER,
	               counted ? WD_CONFIDENCE_CERTAIN : WD_CONFIDENCE_LIKELY,
	               "%s came in by %s in %s, but the way back to %s does not lead out there, so "
	               "the reverse path filter dropped %s",
	               how_many(c), c->drop->d.device[0] ? c->drop->d.device : "a device", place,
	               source, c->drop_count == 1 ? "it" : "them");
	wd_case_next(c,
	             "in %s: ip route get %s; make the routes symmetric, or sysctl "
	             "net.ipv4.conf.%s.rp_filter=2 (loose)",
	             place, source, c->drop->d.device[0] ? c->drop->d.device : "DEVICE");
}

static void unreachable(struct wd_case *c)
{
	const struct wd_facts *x = c->facts;
	const char *place = wd_case_place(c, c->drop_index);
	bool neigh = c->drop_class == WD_DROP_NEIGHBOUR;
	bool state = neigh ? x->neigh.state == WD_NEIGH_INCOMPLETE
	                   : wd_case_route_missing(&x->node_route);
	enum wd_confidence sure = state || client_was_rejected(c) ? WD_CONFIDENCE_CERTAIN
	                                                          : WD_CONFIDENCE_LIKELY;
	char addr[WD_ADDR_STRLEN];

	if (c->drop->reply) {
		/* what the facts say of the way to the backend says nothing of the way back */
		wd_addr_format(&c->flow->tuple.saddr, addr);
		wd_case_answer(c, WD_CAUSE_BACKEND_UNREACHABLE, WD_CONFIDENCE_LIKELY,
		               "%s answers, but %s has no way back to the client %s: %s",
		               c->backend_name, place, addr,
		               neigh ? "neighbour discovery failed" : "no route");
		wd_case_next(c, "in %s: ip route get %s; ip neigh", place, addr);
		return;
	}
	if (neigh) {
		wd_addr_format(x->neigh.state == WD_NEIGH_UNKNOWN ? &c->f->target.ip
		                                                  : &x->neigh.addr,
		               addr);
		wd_case_answer(c, WD_CAUSE_BACKEND_UNREACHABLE, sure,
		               "nobody answers for the next hop to %s%s%s in %s: neighbour "
		               "discovery failed",
		               c->backend_name, c->drop->d.device[0] ? " on " : "",
		               c->drop->d.device, place);
		wd_case_next(c, "in %s: ip neigh; is %s up, and on this network?", place, addr);
		return;
	}
	wd_addr_format(c->flow->has_backend ? &c->flow->backend : &c->flow->tuple.daddr, addr);
	wd_case_answer(c, WD_CAUSE_BACKEND_UNREACHABLE, sure, "%s has no route to %s", place, addr);
	wd_case_next(c, "in %s: ip route get %s; is the route of its pod CIDR there?", place, addr);
}

static void not_listening(struct wd_case *c)
{
	bool state = c->facts->backend.listener == WD_LISTENER_NONE ||
	             c->facts->backend.listener == WD_LISTENER_LOOPBACK_ONLY;

	wd_case_answer(c, WD_CAUSE_BACKEND_NOT_LISTENING,
	               state || client_was_rejected(c) ? WD_CONFIDENCE_CERTAIN
	                                               : WD_CONFIDENCE_LIKELY,
	               "nobody listens on %s port %u in %s",
	               c->flow->tuple.proto == WD_PROTO_UDP ? "UDP" : "TCP",
	               c->flow->has_backend ? c->flow->backend_port : c->flow->tuple.dport,
	               wd_case_place(c, c->drop_index));
	wd_case_next(c, "look at the server's process and the port that it binds");
}

void wd_case_kernel_drop(struct wd_case *c)
{
	const struct wd_event_drop *d = &c->drop->d;
	bool named = d->reason && c->drop_class != WD_DROP_UNSPECIFIED;

	wd_case_answer(c, WD_CAUSE_KERNEL_DROP,
	               c->drop_class == WD_DROP_UNSPECIFIED || only_some(c) ? WD_CONFIDENCE_POSSIBLE
	                                                                    : WD_CONFIDENCE_LIKELY,
	               "the kernel drops %s in %s: %s%s%s", how_many(c),
	               wd_case_place(c, c->drop_index), named ? d->reason : "it gives no reason",
	               d->function ? ", in " : "", d->function ? d->function : "");
	if (c->drop_class == WD_DROP_BPF)
		wd_case_next(c, "a BPF program sits there: bpftool net; bpftool cgroup tree");
	else if (!named)
		wd_case_next(c, "which device or driver is %s part of? ip -s link in %s",
		             d->function ? d->function : "that place",
		             wd_case_place(c, c->drop_index));
	else
		wd_case_next(c,
		             "what the reason means: include/net/dropreason-core.h of the kernel");
}

/* The record of the drop itself was lost, or drops are not seen here: the table's word alone. */
static bool verdict_alone(struct wd_case *c)
{
	const struct wd_flow *f = c->flow;
	const struct wd_flow_verdict *v = &f->verdict;

	if (v->by == WD_BY_UNKNOWN || f->n_drops || f->drops_beyond ||
	    (f->outcome != WD_OUTCOME_UNANSWERED && f->outcome != WD_OUTCOME_DROPPED))
		return false;
	wd_case_answer(c, v->by == WD_BY_OTHER ? WD_CAUSE_KERNEL_DROP : WD_CAUSE_FILTER_DENIED,
	               v->by == WD_BY_OTHER ? WD_CONFIDENCE_POSSIBLE : WD_CONFIDENCE_LIKELY,
	               "%s on this node drops packets %s",
	               v->by == WD_BY_OTHER ? "netfilter" : table_words(c, v),
	               v->reply ? "of the answer, on their way back to the client"
	                        : wd_arena_printf(c->arena, "to %s", c->target));
	wd_case_next(c, "list the rules with counters: iptables-legacy-save -c; "
	                "iptables-nft-save -c; nft list ruleset");
	return true;
}

bool wd_rule_dropped(struct wd_case *c)
{
	const struct wd_flow *f = c->flow;

	if (!c->drop)
		return verdict_alone(c);
	/* An established connection is judged by its own rule, which weighs the drops. */
	if (f->outcome == WD_OUTCOME_STALLED || f->outcome == WD_OUTCOME_RESET)
		return false;
	switch (c->drop_class) {
	case WD_DROP_NETFILTER:
		/* some SYN came through, and the backend itself has refused it */
		if (f->rst_received && !c->drop->reply &&
		    ((f->rst_local && f->rst_no_socket) || c->drop_count < f->syn_sent))
			return false;
		if (!ports_exhausted(c))
			filter_denied(c);
		return true;
	case WD_DROP_RPFILTER:
		rp_filter(c);
		return true;
	case WD_DROP_NO_ROUTE:
	case WD_DROP_NEIGHBOUR:
		unreachable(c);
		return true;
	case WD_DROP_NO_SOCKET:
		/* TCP says so itself, with RST: the rule of refusals weighs both */
		if (f->tuple.proto == WD_PROTO_TCP || c->drop->reply)
			return false;
		not_listening(c);
		return true;
	case WD_DROP_ACCEPT_QUEUE:
		return false;
	case WD_DROP_UNSPECIFIED:
		/* refused or unreachable has a better witness than a drop without a reason */
		if (client_was_rejected(c))
			return false;
		/* and so has one of which the packet hooks saw the answer */
		if (f->outcome == WD_OUTCOME_UNANSWERED && wd_where_answer_lost(c))
			return true;
		/* and a local server whose queue is full too */
		if (f->outcome == WD_OUTCOME_UNANSWERED && c->facts->backend.local)
			return false;
		wd_case_kernel_drop(c);
		return true;
	case WD_DROP_BPF:
	case WD_DROP_TOO_BIG:
	case WD_DROP_OTHER:
	case WD_DROP_CLASS_MAX:
		break;
	}
	if (f->outcome == WD_OUTCOME_REFUSED && f->rst_received)
		return false;
	wd_case_kernel_drop(c);
	return true;
}

/* Destination unreachable, fragmentation needed (RFC 1191); packet too big (RFC 8201). */
static bool icmp_said_too_big(const struct wd_flow *f)
{
	const struct wd_flow_icmp *i = &f->icmp_sent;

	return i->count && (i->v6 ? i->type == 2 : i->type == 3 && i->code == 4);
}

/* Also used for connections that were established. */
bool wd_rule_established(struct wd_case *c)
{
	const struct wd_flow *f = c->flow;
	bool full_size, never_big, too_big;

	if (f->outcome == WD_OUTCOME_RESET && !f->rst_received && !f->rst_local &&
	    (f->err == ECONNABORTED || c->in->sees_resets)) {
		wd_case_answer(
			c, WD_CAUSE_UNKNOWN, WD_CONFIDENCE_POSSIBLE,
			"the established connection was aborted on the client's own host (%s)",
			f->err ? wd_errno_name(c->arena, f->err) : "no error told");
		wd_case_next(c, "did somebody end it (ss -K), or did its address or device go?");
		return true;
	}
	if (f->outcome == WD_OUTCOME_RESET) {
		const char *reason = f->rst_reason ? f->rst_reason : "";

		wd_case_answer(c, WD_CAUSE_CONNECTION_RESET,
		               f->rst_local ? WD_CONFIDENCE_CERTAIN : WD_CONFIDENCE_LIKELY,
		               f->rst_local ? "%s reset the established connection%s%s"
		                            : "%s, or something on the way to it, reset the "
		                              "established connection%s%s",
		               c->backend_name, reason[0] ? ": " : "", reason);
		wd_case_evidence(c, "event", "%s after %llu bytes acknowledged, %llu received%s",
		                 f->rst_received ? "RST received" : "reset",
		                 (unsigned long long)f->bytes_acked,
		                 (unsigned long long)f->bytes_received,
		                 f->rst_local ? "; sent by a socket of this node" : "");
		wd_case_next(c, f->rst_local
		                        ? "look at the server's log at that moment: it closed with "
		                          "unread data, or aborted"
		                        : "look at the peer, and at the idle timeout of load "
		                          "balancers and firewalls between");
		return true;
	}
	if (f->outcome != WD_OUTCOME_STALLED)
		return false;
	if (c->drop && c->drop_class == WD_DROP_NETFILTER) {
		filter_denied(c);
		return true;
	}
	wd_case_evidence(c, "socket",
	                 "%u timeouts in a row on a segment of %u bytes (MSS %u); %llu bytes "
	                 "acknowledged, %llu received%s",
	                 f->retransmits, f->seg_len, f->mss, (unsigned long long)f->bytes_acked,
	                 (unsigned long long)f->bytes_received,
	                 f->server_stall ? " (the server's side)" : "");
	too_big = (c->drop && c->drop_class == WD_DROP_TOO_BIG) || icmp_said_too_big(f);
	full_size = f->mss && f->seg_len >= f->mss;
	never_big = f->bytes_acked < f->mss;
	if (too_big || (full_size && never_big)) {
		wd_case_answer(
			c, WD_CAUSE_MTU_EXCEEDED,
			too_big ? (full_size ? WD_CONFIDENCE_CERTAIN : WD_CONFIDENCE_LIKELY)
				: WD_CONFIDENCE_POSSIBLE,
			"the connection opens, but %s (%u bytes of data) never arrive: the path "
			"to %s has a smaller MTU%s",
			full_size ? "full-size segments" : "big segments", f->seg_len,
			f->server_stall ? "the client" : c->backend,
			too_big ? "" : ", and no ICMP says so");
		wd_case_next(c,
		             "compare the MTU of the devices on the way (ip link); let ICMP "
		             "'fragmentation needed' (IPv4) and 'packet too big' (IPv6) through");
		return true;
	}
	if (c->drop && c->drop_class == WD_DROP_RPFILTER) {
		rp_filter(c);
		return true;
	}
	if (c->drop && (c->drop_class == WD_DROP_NO_ROUTE || c->drop_class == WD_DROP_NEIGHBOUR)) {
		unreachable(c);
		return true;
	}
	if (c->drop && c->drop_class != WD_DROP_UNSPECIFIED) {
		wd_case_kernel_drop(c);
		return true;
	}
	/* the client holds it for open, but the server had no room for it and has forgotten it:
	 * not one byte was acknowledged (the SYN counts as one) */
	if (f->listen_full.count && !f->server_stall && f->bytes_acked <= 1 &&
	    wd_case_accept_queue(c))
		return true;
	/* older than the trace, or accepted here: which end is the client is a guess */
	wd_case_answer(c, WD_CAUSE_CONNECTION_STALLED,
	               f->owner.pid ? WD_CONFIDENCE_LIKELY : WD_CONFIDENCE_POSSIBLE,
	               "the connection was open, then %s stopped acknowledging data",
	               f->server_stall ? "the client" : c->backend_name);
	wd_case_next(c, "is the peer alive, and did its address, NAT entry or route change "
	                "meanwhile?");
	return true;
}

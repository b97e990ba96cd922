/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Further witnesses of an attempt: who in netfilter dropped its packet, which ICMP error this
 * node answered it with, whose queue was full. They begin no attempt and end none; they tell
 * more about one that fails by other evidence.
 */
#include "flow/internal.h"

static void add_verdict(struct wd_flow *f, const struct wd_event_verdict *v, bool reply)
{
	struct wd_flow_verdict *to = &f->verdict;

	if (v->by == WD_BY_UNKNOWN)
		return;
	/* of the packets that ask, unless nothing but an answer was dropped */
	if (to->by != WD_BY_UNKNOWN && reply && !to->reply)
		return;
	*to = (struct wd_flow_verdict){
		.by = v->by,
		.hook = v->hook,
		.netns = v->netns,
		.reply = reply,
		.function = v->function,
		.family = v->family,
		.table = v->table,
		.chain = v->chain,
		.count = to->count + 1,
	};
}

void wd_flow_add_witness(struct wd_flow *f, const struct wd_event *e, bool reply)
{
	switch (e->kind) {
	case WD_EVENT_VERDICT:
		add_verdict(f, &e->verdict, reply);
		break;
	case WD_EVENT_ICMP_SENT:
		f->icmp_sent = (struct wd_flow_icmp){
			.count = f->icmp_sent.count + 1,
			.type = e->icmp.type,
			.code = e->icmp.code,
			.reply = reply,
			.v6 = !wd_addr_is_v4(&e->tuple.daddr),
			.netns = e->icmp.netns,
			.info = e->icmp.info,
		};
		break;
	case WD_EVENT_LISTEN_FULL:
		f->listen_full = (struct wd_flow_listen){
			.count = f->listen_full.count + 1,
			.backlog = e->listen.backlog,
			.max = e->listen.max,
			.kind = e->listen.kind,
			.netns = e->listen.netns,
		};
		break;
	default:
		break;
	}
}

bool wd_is_witness(const struct wd_event *e)
{
	return e->kind == WD_EVENT_VERDICT || e->kind == WD_EVENT_ICMP_SENT ||
	       e->kind == WD_EVENT_LISTEN_FULL;
}

const struct wd_tuple *wd_witness_ct(const struct wd_event *e)
{
	if (e->kind == WD_EVENT_VERDICT && e->verdict.has_ct)
		return &e->verdict.ct_orig;
	if (e->kind == WD_EVENT_ICMP_SENT && e->icmp.has_ct)
		return &e->icmp.ct_orig;
	return NULL;
}

void wd_witness_event(struct wd_flow_table *t, const struct wd_event *e)
{
	bool reply, inferred;
	struct wd_tuple tuple = wd_packet_direction(t, e, &reply);
	struct wd_entry *x = wd_entry_for_packet(t, &tuple, &inferred);
	struct wd_end end = wd_end_of(&tuple);

	if (x && !x->done) {
		wd_flow_add_witness(&x->flow, e, reply);
		return;
	}
	wd_waiting_add(t, e, &end, false);
}

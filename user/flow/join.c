/* SPDX-License-Identifier: Apache-2.0 */
/* From a packet to the attempt that it belongs to. */
#include "flow/internal.h"

#include <string.h>

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

struct wd_end wd_end_of(const struct wd_tuple *client_to_target)
{
	struct wd_end e;

	memset(&e, 0, sizeof(e));
	e.addr = client_to_target->saddr;
	e.port = client_to_target->sport;
	e.proto = client_to_target->proto;
	return e;
}

/* Is src -> dst the way from client to target? Asked of the flags first (a SYN opens, a
 * SYN-ACK answers), then of the targets, then of the ports: servers have the lower one. */
static bool is_reply(const struct wd_flow_table *t, const struct wd_tuple *p, uint8_t flags)
{
	bool to, from;

	if (p->proto == WD_PROTO_TCP && (flags & TCP_SYN))
		return flags & TCP_ACK;
	if (t->o.targets && !t->o.targets->all) {
		to = wd_targets_match(t->o.targets, &p->daddr, p->dport);
		from = wd_targets_match(t->o.targets, &p->saddr, p->sport);
		if (to != from)
			return from;
	}
	return p->sport < p->dport;
}

static bool goes_to(const struct wd_tuple *p, const struct wd_addr *a, uint16_t port)
{
	return p->dport == port && wd_addr_equal(&p->daddr, a);
}

struct wd_tuple wd_packet_direction(const struct wd_flow_table *t, const struct wd_event *e,
                                    bool *ret_reply)
{
	const struct wd_event_drop *d = &e->drop;
	struct wd_tuple back = wd_tuple_reverse(&e->tuple);
	struct wd_bucket *b;
	struct wd_end end;

	if (wd_is_witness(e) && e->kind != WD_EVENT_LISTEN_FULL) {
		const struct wd_tuple *orig = wd_witness_ct(e);

		if (orig) {
			/* the addresses may be one (loopback, a pod that dials its own Service):
			 * then the ports tell */
			*ret_reply = !goes_to(&back, &orig->saddr, orig->sport) &&
			             !goes_to(&e->tuple, &orig->daddr, orig->dport) &&
			             (wd_addr_equal(&e->tuple.daddr, &orig->saddr) ||
			              goes_to(&back, &orig->daddr, orig->dport));
			return *orig;
		}
		*ret_reply = is_reply(t, &e->tuple, 0);
		return *ret_reply ? back : e->tuple;
	}
	if (e->kind == WD_EVENT_LISTEN_FULL) {
		*ret_reply = false;
		return e->tuple;
	}
	if (e->kind != WD_EVENT_DROP) {
		/* RESET_SENT and SYNACK_RETRANS: peer -> this side. Who of the two dialled? The
		 * answerer of a SYN is the target; else what is known of either end. */
		end = wd_end_of(&back);
		b = wd_bucket_find(t, &end);
		*ret_reply = e->kind == WD_EVENT_RESET_SENT && !e->reset.no_socket && b && b->flows;
		return *ret_reply ? back : e->tuple;
	}
	if (d->has_ct) {
		/* Conntrack's original direction is the client's, whatever the packet is. On its
		 * way there its source may be translated already, but it goes to the target, or
		 * to the backend that was chosen for it. */
		*ret_reply = !(goes_to(&e->tuple, &d->ct_orig.daddr, d->ct_orig.dport) ||
		               goes_to(&e->tuple, &d->ct_reply.saddr, d->ct_reply.sport));
		return d->ct_orig;
	}
	if (d->owner.pid && e->tuple.proto == WD_PROTO_UDP)
		*ret_reply = d->owner_is_receiver;
	else
		*ret_reply = is_reply(t, &e->tuple, d->tcp_flags);
	return *ret_reply ? back : e->tuple;
}

struct wd_entry *wd_entry_for_packet(struct wd_flow_table *t, const struct wd_tuple *tuple,
                                     bool *ret_inferred)
{
	struct wd_end end = wd_end_of(tuple);
	struct wd_bucket *b = wd_bucket_find(t, &end);
	struct wd_entry *x, *open = NULL;
	unsigned int n_open = 0;

	*ret_inferred = false;
	if (!b)
		return NULL;
	/* the latest attempt of a tuple: ports are used again */
	for (x = b->flows ? b->flows->end_prev : NULL; x; x = x == b->flows ? NULL : x->end_prev) {
		struct wd_flow *f = &x->flow;

		if (wd_addr_equal(&f->tuple.daddr, &tuple->daddr) && f->tuple.dport == tuple->dport)
			return x;
		if (f->has_backend && wd_addr_equal(&f->backend, &tuple->daddr) &&
		    f->backend_port == tuple->dport)
			return x;
		if (!x->done && !f->has_backend && tuple->proto == WD_PROTO_TCP) {
			open = x;
			n_open++;
		}
	}
	/* The same client address and port at another address: NAT may have changed the
	 * target. Believed only when there is one attempt that it can be. */
	if (n_open != 1)
		return NULL;
	*ret_inferred = true;
	return open;
}

static bool same_place(const struct wd_event_drop *a, const struct wd_event_drop *b)
{
	return a->reason == b->reason && a->function == b->function && a->hook == b->hook &&
	       a->netns == b->netns && a->local == b->local && a->icmp_error == b->icmp_error &&
	       (a->tcp_flags & TCP_SYN) == (b->tcp_flags & TCP_SYN) &&
	       strcmp(a->device, b->device) == 0;
}

void wd_flow_add_drop(struct wd_flow *f, const struct wd_event *e, bool reply)
{
	struct wd_flow_drop *d;

	for (unsigned int i = 0; i < f->n_drops; i++) {
		d = &f->drops[i];
		if (d->reply != reply || !same_place(&d->d, &e->drop))
			continue;
		/* one that the kernel's table had no room for: nothing to ask for later */
		if (!e->drop.key) {
			d->before += e->drop.count;
			return;
		}
		/* another key of the kernel's table at the same place: its count adds up */
		d->before += d->d.count;
		d->d.count = e->drop.count;
		d->d.key = e->drop.key;
		d->d.last_ns = e->drop.last_ns;
		return;
	}
	if (f->n_drops == WD_FLOW_DROPS_MAX) {
		f->drops_beyond += e->drop.count;
		return;
	}
	d = &f->drops[f->n_drops++];
	d->d = e->drop;
	d->reply = reply;
	d->before = 0;
}

void wd_flow_drop_update(struct wd_flow *f, unsigned int i, uint64_t count, uint64_t last_ns)
{
	struct wd_flow_drop *d;

	if (i >= f->n_drops || count < f->drops[i].d.count)
		return;
	d = &f->drops[i];
	d->d.count = count;
	d->d.last_ns = last_ns;
	/* as many SYNs as were dropped in one place have been sent, whatever the socket told */
	if (f->syn_sent && f->tuple.proto == WD_PROTO_TCP && !d->reply && !d->d.icmp_error &&
	    (d->d.tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && d->before + count > f->syn_sent)
		f->syn_sent = (uint32_t)(d->before + count);
}

void wd_flow_add_reset(struct wd_flow *f, const struct wd_event *e)
{
	if (e->kind == WD_EVENT_SYNACK_RETRANS) {
		f->synack_retrans++;
		f->synack_netns = e->reset.netns;
		return;
	}
	f->rst_local = true;
	f->rst_no_socket = e->reset.no_socket;
	f->rst_netns = e->reset.netns;
	f->rst_reason = e->reset.reason;
}

static void learn_nat(struct wd_flow *f, const struct wd_event *e, const struct wd_tuple *tuple,
                      bool inferred)
{
	if (e->kind == WD_EVENT_DROP && e->drop.has_ct) {
		const struct wd_tuple *r = &e->drop.ct_reply;

		if (!wd_addr_equal(&r->saddr, &f->tuple.daddr) || r->sport != f->tuple.dport) {
			f->has_backend = true;
			f->backend_inferred = false;
			f->backend = r->saddr;
			f->backend_port = r->sport;
		} else if (f->backend_inferred) {
			f->has_backend = f->backend_inferred = false;
		}
	} else if (inferred) {
		f->has_backend = true;
		f->backend_inferred = true;
		f->backend = tuple->daddr;
		f->backend_port = tuple->dport;
	}
}

/* Dropped since nobody has a socket for it. Below 5.17 there are no reasons, and this is the
 * function that frees it. */
static bool found_no_socket(const struct wd_event_drop *d)
{
	if (d->reason)
		return strcmp(d->reason, "NO_SOCKET") == 0;
	return d->function &&
	       (strcmp(d->function, "tcp_v4_rcv") == 0 || strcmp(d->function, "tcp_v6_rcv") == 0);
}

bool wd_flow_drop_silences(const struct wd_flow *f, const struct wd_event_drop *d, bool reply)
{
	if (d->icmp_error || (f->tuple.proto == WD_PROTO_TCP && !(d->tcp_flags & TCP_SYN)))
		return false;
	/* an answer that finds no socket came too late: its client had given up */
	return !reply || !found_no_socket(d);
}

static void apply(struct wd_entry *x, const struct wd_event *e, const struct wd_tuple *tuple,
                  bool reply, bool inferred)
{
	if (x->done)
		return;
	if (wd_is_witness(e)) {
		wd_flow_add_witness(&x->flow, e, reply);
		return;
	}
	learn_nat(&x->flow, e, tuple, inferred);
	if (e->kind == WD_EVENT_DROP)
		wd_flow_add_drop(&x->flow, e, reply);
	else
		wd_flow_add_reset(&x->flow, e);
	if (e->ts_ns > x->flow.last_ns)
		x->flow.last_ns = e->ts_ns;
	/* given up before the first retransmission, but here is why it had no answer */
	if (x->flow.closed && x->flow.end_state == WD_TCP_SYN_SENT && !x->flow.err &&
	    x->flow.outcome == WD_OUTCOME_NONE && e->kind == WD_EVENT_DROP &&
	    wd_flow_drop_silences(&x->flow, &e->drop, reply))
		x->flow.outcome = WD_OUTCOME_UNANSWERED;
}

/*
 * Behind NAT a refusal bears the backend's address. It is this attempt's if that was refused, too,
 * at the same moment or later: on a busy node softirqs wait, and a RST is under way for as long as
 * a second. An attempt that is still open may share its port with one to elsewhere.
 */
static bool refusal_of(const struct wd_entry *x, const struct wd_event *e)
{
	const struct wd_flow *f = &x->flow;

	return e->kind == WD_EVENT_RESET_SENT && e->reset.no_socket && f->closed &&
	       f->outcome == WD_OUTCOME_REFUSED && f->rst_received &&
	       e->ts_ns + WD_REFUSAL_NS >= f->end_ns && e->ts_ns <= f->end_ns + WD_SETTLE_NS;
}

void wd_entry_collect(struct wd_flow_table *t, struct wd_entry *x)
{
	struct wd_bucket *b = wd_bucket_find(t, &x->end);
	struct wd_waiting *w, *next;
	bool reply, inferred;

	if (!b)
		return;
	for (w = b->waiting; w; w = next) {
		struct wd_tuple tuple = wd_packet_direction(t, &w->event, &reply);

		next = w->end_next;
		/* only what happened since this attempt began; ports are used again */
		if (x->flow.start_known && w->event.ts_ns < x->flow.start_ns)
			continue;
		if (wd_entry_for_packet(t, &tuple, &inferred) != x ||
		    (inferred && !wd_is_witness(&w->event) && !refusal_of(x, &w->event)))
			continue;
		apply(x, &w->event, &tuple, reply, inferred);
		wd_waiting_remove(t, w);
	}
}

/* An attempt that is known only by its dropped packets. */
static struct wd_entry *entry_from_drop(struct wd_flow_table *t, const struct wd_event *e,
                                        const struct wd_tuple *tuple)
{
	struct wd_entry *x = wd_entry_new(t, tuple, 0, e->ts_ns);

	if (!x)
		return NULL;
	x->from_drops = true;
	x->flow.owner = e->drop.owner;
	x->flow.start_ns = e->drop.first_ns;
	if (tuple->proto == WD_PROTO_UDP)
		x->flow.outcome = WD_OUTCOME_DROPPED;
	else if ((e->drop.tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && found_no_socket(&e->drop))
		x->flow.outcome = WD_OUTCOME_REFUSED; /* the stack that frees it answers with RST */
	else
		x->flow.outcome = WD_OUTCOME_UNANSWERED;
	return x;
}

void wd_waiting_promote(struct wd_flow_table *t, struct wd_waiting *w, uint64_t now_ns)
{
	bool reply;
	struct wd_tuple tuple = wd_packet_direction(t, &w->event, &reply);
	bool inferred;
	struct wd_entry *x = wd_entry_for_packet(t, &tuple, &inferred);

	/* By now every attempt that is not answered has shown itself by its second SYN: if this
	 * one has not, and there is one that NAT may have sent here, it is that one's. */
	if (x && inferred && !x->done && !x->flow.closed) {
		apply(x, &w->event, &tuple, reply, true);
		wd_waiting_remove(t, w);
		return;
	}
	x = entry_from_drop(t, &w->event, &tuple);
	/* takes this drop along, and all others that wait for the same attempt */
	if (x) {
		wd_entry_collect(t, x);
		wd_sight_collect(t, x);
		wd_entry_due(t, x, now_ns, false);
	}
	/* still there: no memory, or the attempt is not the one it belongs to */
	if (t->syns == w)
		wd_waiting_remove(t, w);
}

/* A datagram that asks is a failure by itself; one that answers, only if its asker is known
 * and still there: late answers to closed sockets are ordinary (two resolvers asked). */
static bool udp_drop_tells(const struct wd_event *e, bool reply)
{
	const struct wd_event_drop *d = &e->drop;

	if (!reply)
		return true;
	return d->reason && strcmp(d->reason, "NO_SOCKET") != 0 && d->owner.pid;
}

void wd_packet_event(struct wd_flow_table *t, const struct wd_event *e)
{
	bool reply, inferred;
	struct wd_tuple tuple = wd_packet_direction(t, e, &reply);
	struct wd_entry *x = wd_entry_for_packet(t, &tuple, &inferred);
	struct wd_end end = wd_end_of(&tuple);
	bool syn;

	if (x && !x->done && !inferred) {
		apply(x, e, &tuple, reply, false);
		return;
	}
	/* an attempt that closes with a refusal looks for this one; a SYN waits its time */
	if (x && inferred && !x->done && refusal_of(x, e)) {
		apply(x, e, &tuple, reply, true);
		return;
	}
	if (e->kind != WD_EVENT_DROP) {
		wd_waiting_add(t, e, &end, false);
		return;
	}
	if (tuple.proto == WD_PROTO_UDP) {
		if (x || e->drop.icmp_error || !udp_drop_tells(e, reply)) {
			wd_drop_forget(t, e->drop.key);
			return;
		}
		x = entry_from_drop(t, e, &tuple);
		if (x) {
			apply(x, e, &tuple, reply, false);
			wd_entry_collect(t, x);
			wd_entry_due(t, x, e->ts_ns + WD_UDP_COLLECT_NS, true);
		}
		return;
	}
	/* Only a SYN (or its answer) is an attempt of its own; other drops mean something
	 * only together with a connection that fails. */
	syn = (e->drop.tcp_flags & TCP_SYN) && !(e->drop.tcp_flags & TCP_RST);
	wd_waiting_add(t, e, &end, syn && !e->drop.icmp_error);
}

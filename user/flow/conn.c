/* SPDX-License-Identifier: Apache-2.0 */
/* What the client's own socket tells: retries, late answers, errors, the end. */
#include "flow/internal.h"

#include <errno.h>
#include <string.h>

enum wd_outcome wd_outcome_of_errno(int err)
{
	switch (err) {
	case ECONNREFUSED:
		return WD_OUTCOME_REFUSED;
	case ECONNRESET:
	case ECONNABORTED:
	case EPIPE:
		return WD_OUTCOME_RESET;
	case EACCES: /* ICMPv6: administratively prohibited (RFC 4443; icmpv6_err_convert()) */
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENETDOWN:
		return WD_OUTCOME_UNREACHABLE;
	case ETIMEDOUT:
		return WD_OUTCOME_UNANSWERED;
	default:
		return WD_OUTCOME_FAILED;
	}
}

static void learn(struct wd_flow_table *t, struct wd_entry *x, const struct wd_event *e)
{
	const struct wd_event_conn *c = &e->conn;
	struct wd_flow *f = &x->flow;

	if (c->owner.pid || !f->owner.netns)
		f->owner = c->owner;
	if (c->start_ns) {
		f->start_ns = c->start_ns;
		f->start_known = true;
	}
	f->last_ns = e->ts_ns;
	if (c->syn_sent > f->syn_sent)
		f->syn_sent = c->syn_sent;
	if (c->retransmits > f->retransmits)
		f->retransmits = c->retransmits;
	if (c->seg_len)
		f->seg_len = c->seg_len;
	f->mss = c->mss;
	f->pmtu = c->pmtu;
	f->bytes_acked = c->bytes_acked;
	f->bytes_received = c->bytes_received;
	f->rst_received |= c->rst_received;
	f->rst_sent |= c->rst_sent;
	if (c->rst_reason)
		f->rst_reason = c->rst_reason;
	/* the source port is chosen after connect has begun */
	if (!f->tuple.sport && e->tuple.sport) {
		f->tuple.saddr = e->tuple.saddr;
		f->tuple.sport = e->tuple.sport;
		wd_entry_rekey(t, x);
		wd_entry_collect(t, x);
		wd_sight_collect(t, x);
	}
}

/* A SYN left the socket at that time: what a watched device did not see then did not pass. */
static void note_syn(struct wd_flow *f, uint64_t at_ns)
{
	unsigned int last = f->n_syns - 1;

	if (f->n_syns && f->syn_ns[last] >= at_ns)
		return; /* a record that another CPU delivered late */
	if (f->n_syns < WD_FLOW_SYNS_MAX)
		f->syn_ns[f->n_syns++] = at_ns;
	else
		f->syn_ns[last] = at_ns;
}

static bool same_target(const struct wd_flow *f, const struct wd_tuple *t)
{
	return wd_addr_equal(&f->tuple.daddr, &t->daddr) && f->tuple.dport == t->dport;
}

/* The attempt that this socket is known to be about. Sockets are told apart by their
 * address in memory, which is used again: only together with the time of connect, or, when
 * that is unknown, with the target, is it the same attempt. */
static struct wd_entry *entry_by_sock(struct wd_flow_table *t, const struct wd_event *e)
{
	const struct wd_event_conn *c = &e->conn;
	struct wd_entry *x = wd_entry_by_sock(t, c->sock);

	if (!x)
		return NULL;
	if (c->start_ns && x->flow.start_known)
		return x->flow.start_ns == c->start_ns ? x : NULL;
	return !x->done && !x->flow.closed && same_target(&x->flow, &e->tuple) ? x : NULL;
}

/* One of the same tuple whose socket is not known: by its drops, or from the other side. */
static struct wd_entry *entry_without_sock(struct wd_flow_table *t, const struct wd_event *e)
{
	struct wd_end end = wd_end_of(&e->tuple);
	struct wd_bucket *b = wd_bucket_find(t, &end);
	struct wd_entry *x;

	if (!b)
		return NULL;
	DL_FOREACH2(b->flows, x, end_next)
	{
		if (x->done || !wd_tuple_equal(&x->flow.tuple, &e->tuple))
			continue;
		if (e->conn.server)
			return x;
		if (x->flow.sock)
			continue;
		x->from_drops = false;
		wd_entry_set_sock(t, x, e->conn.sock);
		return x;
	}
	return NULL;
}

static struct wd_entry *entry_new(struct wd_flow_table *t, const struct wd_event *e)
{
	const struct wd_event_conn *c = &e->conn;
	struct wd_entry *x = wd_entry_new(t, &e->tuple, c->server ? 0 : c->sock, e->ts_ns);

	if (!x)
		return NULL;
	if (!c->server)
		x->flow.owner = c->owner;
	/* before collecting: what happened since connect began belongs to it */
	if (c->start_ns) {
		x->flow.start_ns = c->start_ns;
		x->flow.start_known = true;
	}
	wd_entry_collect(t, x);
	if (!c->server) {
		if (c->start_ns && c->syn_sent)
			note_syn(&x->flow, c->start_ns);
		wd_sight_collect(t, x);
	}
	return x;
}

/* A connection that was told as answered late goes on, and may fail in another way. */
static bool lives_on(const struct wd_entry *x, const struct wd_event *e)
{
	return x->flow.outcome == WD_OUTCOME_ANSWERED_LATE &&
	       (e->conn.trigger == WD_CONN_STALL ||
	        (e->conn.trigger == WD_CONN_CLOSED && (e->conn.rst_received || e->conn.err)));
}

static struct wd_entry *entry_of(struct wd_flow_table *t, const struct wd_event *e)
{
	struct wd_entry *x = e->conn.server ? NULL : entry_by_sock(t, e);

	if (x && x->done && lives_on(x, e))
		return entry_new(t, e);
	if (!x)
		x = entry_without_sock(t, e);
	return x ? x : entry_new(t, e);
}

static bool silenced(const struct wd_flow *f)
{
	for (unsigned int i = 0; i < f->n_drops; i++)
		if (wd_flow_drop_silences(f, &f->drops[i].d, f->drops[i].reply))
			return true;
	return false;
}

/* SYN_SENT -> CLOSE: the attempt failed, or the client gave up. */
static void attempt_ended(struct wd_flow_table *t, struct wd_entry *x, const struct wd_event *e)
{
	struct wd_flow *f = &x->flow;

	f->closed = true;
	f->end_state = WD_TCP_SYN_SENT;
	f->end_ns = e->ts_ns;
	f->err = e->conn.err;
	if (e->conn.err) {
		f->outcome = wd_outcome_of_errno(e->conn.err);
		/* a reset in answer to SYN is reported as a refusal (tcp_reset()) */
		if (f->rst_received)
			f->outcome = WD_OUTCOME_REFUSED;
	} else if (!e->tuple.sport) {
		/* no source port was found: connect(2) tells the rest */
		f->outcome = WD_OUTCOME_FAILED;
	} else if (f->syn_sent > 1 || silenced(f) ||
	           f->end_ns - f->start_ns >= WD_INTERIM_NS - WD_SETTLE_NS) {
		f->outcome = WD_OUTCOME_UNANSWERED;
	} else {
		/* given up at once: a failure only if a drop turns up that explains it */
		f->outcome = WD_OUTCOME_NONE;
	}
	if (f->outcome == WD_OUTCOME_REFUSED && f->rst_received)
		wd_entry_collect(t, x);
	wd_entry_due(t, x, e->ts_ns + WD_SETTLE_NS, true);
}

static void connection_ended(struct wd_flow_table *t, struct wd_entry *x, const struct wd_event *e)
{
	const struct wd_event_conn *c = &e->conn;
	struct wd_flow *f = &x->flow;
	bool told = f->outcome == WD_OUTCOME_STALLED;

	f->closed = true;
	f->established = true;
	f->end_state = c->old_state;
	f->end_ns = e->ts_ns;
	f->err = c->err;
	x->stalled = told;
	if (c->rst_received &&
	    (c->old_state == WD_TCP_ESTABLISHED || c->old_state == WD_TCP_FIN_WAIT1 ||
	     c->old_state == WD_TCP_FIN_WAIT2 || c->old_state == WD_TCP_CLOSE_WAIT)) {
		/* decided when the socket goes: did its process ever meet the reset? */
		f->outcome = WD_OUTCOME_RESET;
		x->reset_waits = true;
		wd_entry_due(t, x, e->ts_ns + WD_RESET_WAIT_NS, true);
		return;
	}
	if (c->err && c->old_state != WD_TCP_LAST_ACK && c->old_state != WD_TCP_CLOSING &&
	    c->old_state != WD_TCP_TIME_WAIT)
		f->outcome = c->err == ETIMEDOUT ? WD_OUTCOME_STALLED : wd_outcome_of_errno(c->err);
	else if (!told)
		f->outcome = WD_OUTCOME_NONE;
	wd_entry_due(t, x, e->ts_ns + WD_SETTLE_NS, true);
}

void wd_conn_event(struct wd_flow_table *t, const struct wd_event *e)
{
	const struct wd_event_conn *c = &e->conn;
	struct wd_entry *x;
	struct wd_flow *f;
	uint64_t at;

	if (c->trigger == WD_CONN_DESTROYED) {
		x = wd_entry_by_sock(t, c->sock);
		if (!x || !x->reset_waits || x->done)
			return;
		x->reset_waits = false;
		if (c->error_unread)
			x->flow.outcome = x->stalled ? WD_OUTCOME_STALLED : WD_OUTCOME_NONE;
		wd_entry_due(t, x, e->ts_ns, true);
		return;
	}
	x = entry_of(t, e);
	if (!x || x->done)
		return;
	f = &x->flow;
	if (!c->server)
		learn(t, x, e);
	switch (c->trigger) {
	case WD_CONN_SYN_RETRANS:
		note_syn(f, e->ts_ns);
		__attribute__((fallthrough));
	case WD_CONN_DROP:
		if (f->closed)
			break; /* a record that another CPU delivered late */
		f->outcome = WD_OUTCOME_UNANSWERED;
		at = f->start_ns + WD_INTERIM_NS;
		if (at < e->ts_ns + WD_SETTLE_NS)
			at = e->ts_ns + WD_SETTLE_NS;
		if (!x->interim_told && !x->due_ns)
			wd_entry_due(t, x, at, false);
		break;
	case WD_CONN_ESTABLISHED:
		if (f->closed)
			break;
		f->established = true;
		f->outcome = WD_OUTCOME_ANSWERED_LATE;
		f->end_ns = e->ts_ns;
		wd_entry_due(t, x, e->ts_ns + WD_SETTLE_NS, true);
		break;
	case WD_CONN_STALL:
		if (f->closed)
			break;
		f->established = true;
		f->outcome = WD_OUTCOME_STALLED;
		f->server_stall = c->server;
		if (c->server) {
			f->retransmits = c->retransmits;
			f->seg_len = c->seg_len;
			f->mss = c->mss;
			f->pmtu = c->pmtu;
			f->bytes_acked = c->bytes_acked;
			f->bytes_received = c->bytes_received;
			f->last_ns = e->ts_ns;
		}
		if (!x->interim_told)
			wd_entry_due(t, x, e->ts_ns + WD_SETTLE_NS, false);
		break;
	case WD_CONN_CLOSED:
		if (c->old_state == WD_TCP_SYN_SENT)
			attempt_ended(t, x, e);
		else
			connection_ended(t, x, e);
		break;
	case WD_CONN_DESTROYED:
	case WD_CONN_TRIGGER_MAX:
		break;
	}
}

void wd_connect_event(struct wd_flow_table *t, const struct wd_event *e)
{
	struct wd_entry *x = wd_entry_by_sock(t, e->connect.sock);
	struct wd_flow *f;

	/* The result of an attempt that its socket has already told of. A later connect(2)
	 * on the same socket that only fetches the error comes within the linger time. */
	if (x && x->flow.closed && x->flow.start_known && same_target(&x->flow, &e->tuple) &&
	    (x->flow.err == e->connect.err || !x->flow.err)) {
		x->flow.connect_failed = true;
		if (!x->flow.err && !x->done) {
			x->flow.err = e->connect.err;
			x->flow.outcome = WD_OUTCOME_FAILED;
		}
		return;
	}
	x = wd_entry_new(t, &e->tuple, e->connect.sock, e->ts_ns);
	if (!x)
		return;
	f = &x->flow;
	f->owner = e->connect.owner;
	f->closed = true;
	f->connect_failed = true;
	f->err = e->connect.err;
	f->outcome = WD_OUTCOME_FAILED;
	f->end_ns = e->ts_ns;
	wd_entry_due(t, x, e->ts_ns + WD_SETTLE_NS / 2, true);
}

void wd_sock_error_event(struct wd_flow_table *t, const struct wd_event *e)
{
	struct wd_end end = wd_end_of(&e->tuple);
	struct wd_bucket *b = wd_bucket_find(t, &end);
	struct wd_entry *x = NULL;
	struct wd_flow *f;

	if (b) {
		DL_FOREACH2(b->flows, x, end_next)
		if (wd_tuple_equal(&x->flow.tuple, &e->tuple))
			break;
	}
	if (!x) {
		x = wd_entry_new(t, &e->tuple, 0, e->ts_ns);
		if (!x)
			return;
		wd_entry_collect(t, x);
	}
	f = &x->flow;
	if (e->sock_error.owner.pid || !f->owner.netns)
		f->owner = e->sock_error.owner;
	f->err = e->sock_error.err;
	f->outcome = wd_outcome_of_errno(e->sock_error.err);
	f->last_ns = e->ts_ns;
	x->from_drops = false;
	if (!x->done)
		wd_entry_due(t, x, e->ts_ns + WD_SETTLE_NS, true);
}

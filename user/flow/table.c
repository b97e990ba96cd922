/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- life ----------------------------------------------------------------------- */

int wd_flow_table_new(const struct wd_flow_options *o, struct wd_flow_table **ret)
{
	struct wd_flow_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->o = *o;
	if (!t->o.max_flows)
		t->o.max_flows = WD_FLOWS_DEFAULT;
	if (!t->o.max_waiting)
		t->o.max_waiting = WD_WAITING_DEFAULT;
	*ret = t;
	return 0;
}

void wd_flow_table_free(struct wd_flow_table *t)
{
	if (!t)
		return;
	while (t->all)
		wd_entry_remove(t, t->all);
	while (t->syns)
		wd_waiting_remove(t, t->syns);
	while (t->others)
		wd_waiting_remove(t, t->others);
	wd_sights_free(t);
	free(t);
}

struct wd_flow_counts wd_flow_table_counts(const struct wd_flow_table *t)
{
	return (struct wd_flow_counts){t->n_flows, t->n_waiting, t->flows_evicted,
	                               t->waiting_evicted};
}

void wd_drop_forget(struct wd_flow_table *t, uint64_t key)
{
	if (key && t->o.forget)
		t->o.forget(key, t->o.ctx);
}

/* ---- buckets ---------------------------------------------------------------------- */

struct wd_bucket *wd_bucket_find(const struct wd_flow_table *t, const struct wd_end *end)
{
	struct wd_bucket *b;

	HASH_FIND(hh, t->buckets, end, sizeof(*end), b);
	return b;
}

static struct wd_bucket *bucket_get(struct wd_flow_table *t, const struct wd_end *end)
{
	struct wd_bucket *b = wd_bucket_find(t, end);

	if (b)
		return b;
	b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	b->end = *end;
	HASH_ADD(hh, t->buckets, end, sizeof(b->end), b);
	return b;
}

static void bucket_put(struct wd_flow_table *t, struct wd_bucket *b)
{
	if (b->flows || b->waiting)
		return;
	HASH_DEL(t->buckets, b);
	free(b);
}

/* ---- entries ---------------------------------------------------------------------- */

static void unlink_end(struct wd_flow_table *t, struct wd_entry *e)
{
	struct wd_bucket *b = wd_bucket_find(t, &e->end);

	if (!b)
		return;
	DL_DELETE2(b->flows, e, end_prev, end_next);
	bucket_put(t, b);
}

static int link_end(struct wd_flow_table *t, struct wd_entry *e)
{
	struct wd_bucket *b;

	e->end = wd_end_of(&e->flow.tuple);
	b = bucket_get(t, &e->end);
	if (!b)
		return -ENOMEM;
	DL_APPEND2(b->flows, e, end_prev, end_next);
	return 0;
}

void wd_entry_rekey(struct wd_flow_table *t, struct wd_entry *e)
{
	struct wd_end now = wd_end_of(&e->flow.tuple);

	if (memcmp(&now, &e->end, sizeof(now)) == 0)
		return;
	unlink_end(t, e);
	/* without memory for the new bucket it can be found by its socket only */
	if (link_end(t, e) < 0)
		memset(&e->end, 0xff, sizeof(e->end));
}

static void unlink_due(struct wd_flow_table *t, struct wd_entry *e)
{
	if (!e->due_ns)
		return;
	DL_DELETE2(t->due, e, due_prev, due_next);
	e->due_ns = 0;
}

void wd_entry_remove(struct wd_flow_table *t, struct wd_entry *e)
{
	unlink_end(t, e);
	if (e->in_socks)
		HASH_DEL(t->socks, e);
	unlink_due(t, e);
	wd_sight_forget(t, e);
	if (e->done) {
		DL_DELETE2(t->done, e, done_prev, done_next);
		t->n_done--;
	}
	DL_DELETE(t->all, e);
	t->n_flows--;
	free(e);
}

/* The one that has been finished for longest, else the oldest. */
static void evict(struct wd_flow_table *t)
{
	struct wd_entry *e = t->done ? t->done : t->all;

	if (!t->done)
		t->flows_evicted++;
	for (unsigned int i = 0; i < e->flow.n_drops; i++)
		wd_drop_forget(t, e->flow.drops[i].d.key);
	wd_entry_remove(t, e);
}

struct wd_entry *wd_entry_by_sock(struct wd_flow_table *t, uint64_t sock)
{
	struct wd_entry *e = NULL;

	if (sock)
		HASH_FIND(hh, t->socks, &sock, sizeof(sock), e);
	return e;
}

void wd_entry_set_sock(struct wd_flow_table *t, struct wd_entry *e, uint64_t sock)
{
	struct wd_entry *old = wd_entry_by_sock(t, sock);

	if (e->in_socks)
		HASH_DEL(t->socks, e);
	/* the address of a socket is used again; its former attempt is over */
	if (old && old != e) {
		HASH_DEL(t->socks, old);
		old->in_socks = false;
	}
	e->flow.sock = sock;
	e->in_socks = sock != 0;
	if (sock)
		HASH_ADD(hh, t->socks, flow.sock, sizeof(e->flow.sock), e);
}

struct wd_entry *wd_entry_new(struct wd_flow_table *t, const struct wd_tuple *tuple, uint64_t sock,
                              uint64_t now_ns)
{
	struct wd_entry *e;

	if (t->n_flows >= t->o.max_flows)
		evict(t);
	e = calloc(1, sizeof(*e));
	if (!e) {
		t->flows_evicted++;
		return NULL;
	}
	e->flow.id = ++t->next_id;
	e->flow.tuple = *tuple;
	e->flow.start_ns = e->flow.last_ns = now_ns;
	if (link_end(t, e) < 0) {
		t->flows_evicted++;
		free(e);
		return NULL;
	}
	wd_entry_set_sock(t, e, sock);
	DL_APPEND(t->all, e);
	t->n_flows++;
	return e;
}

/* ---- waiting ---------------------------------------------------------------------- */

void wd_waiting_remove(struct wd_flow_table *t, struct wd_waiting *w)
{
	DL_DELETE2(w->bucket->waiting, w, end_prev, end_next);
	bucket_put(t, w->bucket);
	if (w->promote)
		DL_DELETE(t->syns, w);
	else
		DL_DELETE(t->others, w);
	t->n_waiting--;
	free(w);
}

/* Nobody wanted it. */
static void waiting_forget(struct wd_flow_table *t, struct wd_waiting *w)
{
	if (w->event.kind == WD_EVENT_DROP)
		wd_drop_forget(t, w->event.drop.key);
	wd_waiting_remove(t, w);
}

/*
 * Makes room. In a storm of dropped SYNs each would be pushed out before its time, and
 * nothing would be told at all: so they become attempts early while the table of those is
 * less than half full, and only the rest is forgotten.
 */
static void waiting_evict(struct wd_flow_table *t, uint64_t now_ns)
{
	if (t->syns && t->n_flows - t->n_done < t->o.max_flows / 2) {
		wd_waiting_promote(t, t->syns, now_ns);
		return;
	}
	t->waiting_evicted++;
	waiting_forget(t, t->others ? t->others : t->syns);
}

void wd_waiting_add(struct wd_flow_table *t, const struct wd_event *e, const struct wd_end *end,
                    bool promote)
{
	struct wd_waiting *w;

	if (t->n_waiting >= t->o.max_waiting)
		waiting_evict(t, e->ts_ns);
	w = calloc(1, sizeof(*w));
	if (w)
		w->bucket = bucket_get(t, end);
	if (!w || !w->bucket) {
		free(w);
		t->waiting_evicted++;
		return;
	}
	w->event = *e;
	w->promote = promote;
	w->until_ns = e->ts_ns + (promote ? WD_INTERIM_NS : WD_WAIT_NS);
	DL_APPEND2(w->bucket->waiting, w, end_prev, end_next);
	if (promote)
		DL_APPEND(t->syns, w);
	else
		DL_APPEND(t->others, w);
	t->n_waiting++;
}

/* ---- due --------------------------------------------------------------------------- */

void wd_entry_due(struct wd_flow_table *t, struct wd_entry *e, uint64_t at_ns, bool final)
{
	struct wd_entry *before;

	if (e->done)
		return;
	unlink_due(t, e);
	e->due_ns = at_ns ? at_ns : 1;
	e->due_final = final;
	/* nearly always the last: looked for from the end */
	before = t->due ? t->due->due_prev : NULL;
	while (before && before->due_ns > e->due_ns)
		before = before == t->due ? NULL : before->due_prev;
	if (before)
		DL_APPEND_ELEM2(t->due, before, e, due_prev, due_next);
	else
		DL_PREPEND2(t->due, e, due_prev, due_next);
}

uint64_t wd_flow_table_next_ns(const struct wd_flow_table *t)
{
	uint64_t next = t->due ? t->due->due_ns : UINT64_MAX;

	if (t->syns && t->syns->until_ns < next)
		next = t->syns->until_ns;
	if (t->others && t->others->until_ns < next)
		next = t->others->until_ns;
	if (t->done && t->done->forget_ns < next)
		next = t->done->forget_ns;
	return next;
}

/* Forgets what has waited or lingered long enough; promotes SYN drops of clients that
 * nobody here has seen connect. */
static void age(struct wd_flow_table *t, uint64_t now_ns)
{
	while (t->syns && t->syns->until_ns <= now_ns)
		wd_waiting_promote(t, t->syns, now_ns);
	while (t->others && t->others->until_ns <= now_ns)
		waiting_forget(t, t->others);
	while (t->done && t->done->forget_ns <= now_ns)
		wd_entry_remove(t, t->done);
}

static void finish(struct wd_flow_table *t, struct wd_entry *e, uint64_t now_ns)
{
	e->done = true;
	e->forget_ns = now_ns + WD_LINGER_NS;
	DL_APPEND2(t->done, e, done_prev, done_next);
	t->n_done++;
	if (!e->flow.end_ns)
		e->flow.end_ns = now_ns;
}

/* Known by its drops alone, and these still come: it has not ended. */
static bool still_dropped(const struct wd_entry *e, uint64_t now_ns)
{
	return e->from_drops && e->interim_told && !e->finishing && !e->flow.closed &&
	       e->flow.last_ns + WD_DROP_QUIET_NS > now_ns;
}

struct wd_flow *wd_flow_table_due(struct wd_flow_table *t, uint64_t now_ns, bool *ret_final)
{
	struct wd_entry *e;

	age(t, now_ns);
	while ((e = t->due) && e->due_ns <= now_ns) {
		bool final = e->due_final;

		unlink_due(t, e);
		if (final && still_dropped(e, now_ns)) {
			wd_entry_due(t, e, e->flow.last_ns + WD_DROP_QUIET_NS, true);
			continue;
		}
		if (final) {
			finish(t, e, now_ns);
		} else {
			e->interim_told = true;
			if (e->from_drops)
				wd_entry_due(t, e, now_ns + WD_DROP_QUIET_NS, true);
		}
		/* a reset that its process never met is no failure */
		if (e->flow.outcome == WD_OUTCOME_NONE)
			continue;
		*ret_final = final;
		return &e->flow;
	}
	return NULL;
}

void wd_flow_table_event(struct wd_flow_table *t, const struct wd_event *e)
{
	switch (e->kind) {
	case WD_EVENT_CONN:
		wd_conn_event(t, e);
		break;
	case WD_EVENT_CONNECT:
		wd_connect_event(t, e);
		break;
	case WD_EVENT_SOCK_ERROR:
		wd_sock_error_event(t, e);
		break;
	case WD_EVENT_DROP:
	case WD_EVENT_RESET_SENT:
	case WD_EVENT_SYNACK_RETRANS:
		wd_packet_event(t, e);
		break;
	case WD_EVENT_PACKET:
		wd_sight_event(t, e);
		break;
	case WD_EVENT_ICMP_SENT:
	case WD_EVENT_LISTEN_FULL:
	case WD_EVENT_VERDICT:
		wd_witness_event(t, e);
		break;
	case WD_EVENT_SNAP: /* not about attempts: of no concern here */
	case WD_EVENT_MAX:
		break;
	}
}

struct wd_flow *wd_flow_table_by_sock(struct wd_flow_table *t, uint64_t sock)
{
	struct wd_entry *x = wd_entry_by_sock(t, sock);

	return x && !x->done ? &x->flow : NULL;
}

void wd_flow_table_again(struct wd_flow_table *t, struct wd_flow *f, uint64_t at_ns)
{
	struct wd_entry *x = (struct wd_entry *)(void *)f;

	if (!x->done && !x->due_ns && !f->closed && f->outcome == WD_OUTCOME_UNANSWERED)
		wd_entry_due(t, x, at_ns, false);
}

void wd_flow_table_finish(struct wd_flow_table *t, uint64_t now_ns)
{
	struct wd_entry *e;

	while (t->syns)
		wd_waiting_promote(t, t->syns, now_ns);
	DL_FOREACH (t->all, e) {
		e->finishing = true;
		wd_entry_due(t, e, now_ns, true);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/hooks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "probe/hooks.h"

/* Devices in automatic mode, and with --packets. */
#define AUTO_MAX 32
#define ON_MAX   512
/* Hooks stay for so long after the last SYN that wanted them, and at least until the next
 * one is due: the pauses between SYNs double. */
#define LINGER_NS  (30 * WD_NSEC_PER_SEC)
#define LINGER_MAX (150 * WD_NSEC_PER_SEC)
/* A SYN that was sent when a hook was just being attached may have passed before. */
#define SETTLE_NS (10 * WD_NSEC_PER_MSEC)
/* When the word on what the hooks saw is due: as long as records of one cause may take. */
#define AGAIN_NS (150 * WD_NSEC_PER_MSEC)
/* Attempts that are looked at after one reading of the ring; each asks the kernel a few
 * questions. Those that find no room come again with their next SYN. */
#define QUEUE_MAX 64
#define RUN_MAX   16
#define HISTORY   180
/* How long a hook is believed to be there. */
#define CHECK_AGE_NS (500 * WD_NSEC_PER_MSEC)

struct device {
	uint32_t ifindex;
	char name[16];
	uint64_t since_ns, until_ns;
	uint64_t needed_ns;  /* until then */
	uint64_t checked_ns; /* it was seen to be there then */
	bool xdp, foreign;
	bool failed; /* could not be attached */
};

struct queued {
	uint64_t sock, ts_ns;
};

struct sample {
	uint64_t at_ns, lost;
};

/* The way from one namespace to one address, as long as it may be believed: thousands of
 * attempts of one process a second must not ask the kernel each time. */
#define PATH_AGE_NS WD_NSEC_PER_SEC
#define PATH_SLOTS  32

struct path_key {
	struct wd_addr from, to;
	uint32_t netns;
	uint16_t sport, dport; /* several next hops are chosen among by them */
	uint8_t backend_known, pad[3];
};

struct path_slot {
	struct path_key key;
	uint64_t at_ns; /* 0: empty */
	struct wd_path_fact path;
};

struct wd_watch {
	struct wd_watch_options o;
	struct wd_hooks *hooks; /* NULL until the first is wanted */
	bool broken;            /* they cannot be had at all */
	bool said_failed, said_full;
	struct device v[ON_MAX];
	unsigned int n;
	unsigned int generation; /* of the node's devices when all were attached */
	struct queued queue[QUEUE_MAX];
	unsigned int n_queue;
	struct sample history[HISTORY];
	unsigned int n_history;
	struct path_slot paths[PATH_SLOTS];
	unsigned int next_path;
};

int wd_watch_new(const struct wd_watch_options *o, struct wd_watch **ret)
{
	struct wd_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->o = *o;
	*ret = w;
	return 0;
}

void wd_watch_free(struct wd_watch *w)
{
	if (!w)
		return;
	wd_hooks_free(w->hooks);
	free(w);
}

/* ---- devices --------------------------------------------------------------------------- */

static void complain_once(struct wd_watch *w, const char *device, const char *why)
{
	if (w->said_failed)
		return;
	w->said_failed = true;
	wd_complain("packet hooks%s%s: %s: where packets go cannot be told %s",
	            device ? " on " : "", device ? device : "", why,
	            device ? "for sure" : "in this trace");
}

static bool have_hooks(struct wd_watch *w)
{
	struct wd_hooks_options ho = {.snap = w->o.snap};
	int r;

	if (w->hooks || w->broken)
		return w->hooks;
	r = wd_hooks_new(w->o.probe, &ho, &w->hooks);
	if (r == 0)
		return true;
	w->hooks = NULL;
	w->broken = true;
	complain_once(w, NULL, strerror(-r));
	return false;
}

static struct device *find_device(struct wd_watch *w, uint32_t ifindex)
{
	for (unsigned int i = 0; i < w->n; i++)
		if (w->v[i].ifindex == ifindex && !w->v[i].until_ns)
			return &w->v[i];
	return NULL;
}

static struct device *new_device(struct wd_watch *w, unsigned int max)
{
	struct device *oldest = NULL;

	if (w->n < max)
		return &w->v[w->n++];
	/* of those that are no longer watched: what they saw is history soonest */
	for (unsigned int i = 0; i < w->n; i++)
		if (w->v[i].until_ns && (!oldest || w->v[i].until_ns < oldest->until_ns))
			oldest = &w->v[i];
	if (!oldest && !w->said_full) {
		w->said_full = true;
		wd_complain("packet hooks: more than %u devices: the others are not watched", max);
	}
	return oldest;
}

/* False when it is not watched now. */
static bool attach(struct wd_watch *w, uint32_t ifindex, const char *name, bool xdp,
                   uint64_t needed_ns)
{
	bool on = w->o.packets == WD_PACKETS_ON;
	struct device *d = find_device(w, ifindex);
	char err[WD_PROBE_ERRLEN] = "";
	bool foreign;
	int r;

	if (d) {
		if (needed_ns > d->needed_ns)
			d->needed_ns = needed_ns;
		return !d->failed;
	}
	if (!have_hooks(w))
		return false;
	d = new_device(w, on ? ON_MAX : AUTO_MAX);
	if (!d)
		return false;
	foreign = wd_node_device_shared(w->o.node, ifindex);
	r = wd_hooks_attach(w->hooks, ifindex, xdp, NULL, err);
	memset(d, 0, sizeof(*d));
	d->ifindex = ifindex;
	memcpy(d->name, name, sizeof(d->name));
	d->since_ns = wd_clock_monotonic_ns();
	d->checked_ns = d->since_ns;
	d->needed_ns = needed_ns;
	d->foreign = foreign;
	d->xdp = r == 0 && wd_hooks_attached_xdp(w->hooks, ifindex);
	d->failed = r < 0;
	/* a device that has gone meanwhile is nobody's fault */
	if (r < 0 && r != -ENODEV)
		complain_once(w, name, err[0] ? err : strerror(-r));
	return r == 0;
}

static void detach(struct wd_watch *w, struct device *d, uint64_t now_ns)
{
	if (!d->failed)
		wd_hooks_detach(w->hooks, d->ifindex);
	d->until_ns = now_ns;
}

/* ---- all of them ----------------------------------------------------------------------- */

static void attach_all(struct wd_watch *w, uint64_t now_ns)
{
	const struct wd_devices *all;

	if (wd_node_devices(w->o.node, &all) < 0) {
		complain_once(w, NULL, "the node's devices cannot be read");
		return;
	}
	if (w->generation == wd_node_devices_generation(w->o.node))
		return;
	w->generation = wd_node_devices_generation(w->o.node);
	for (unsigned int i = 0; i < w->n; i++)
		if (!w->v[i].until_ns && !wd_devices_find(all, w->v[i].ifindex))
			detach(w, &w->v[i], now_ns);
	for (size_t i = 0; i < all->n; i++) {
		const struct wd_device *d = &all->v[i];

		if (d->kind != WD_DEVICE_INSIDE)
			attach(w, d->ifindex, d->name,
			       w->o.xdp && d->kind == WD_DEVICE_OUTWARD && !d->xdp, UINT64_MAX);
	}
}

void wd_watch_start(struct wd_watch *w, uint64_t now_ns)
{
	if (w->o.packets == WD_PACKETS_ON)
		attach_all(w, now_ns);
}

/* ---- those of one attempt -------------------------------------------------------------- */

/* Do packets of this tuple pass the target filter of the hooks by themselves? */
static bool is_target(const struct wd_watch *w, const struct wd_tuple *t)
{
	const struct wd_targets *all = w->o.targets;

	return all->all || wd_targets_match(all, &t->daddr, t->dport) ||
	       wd_targets_match(all, &t->saddr, t->sport);
}

static void learn_nat(struct wd_watch *w, struct wd_flow *f)
{
	struct wd_tuple reply;

	if (!f->has_reply && wd_node_nat(w->o.node, &f->tuple, &reply) == 0)
		wd_flow_table_nat(w->o.flows, f, &reply);
}

/* What NAT made of it passes the target filter from now on. */
static void watch_nat(struct wd_watch *w, struct wd_flow *f)
{
	struct wd_tuple sent;

	if (!f->has_reply || f->watch.since_ns)
		return;
	sent = wd_tuple_reverse(&f->reply);
	if (wd_tuple_equal(&sent, &f->tuple) || is_target(w, &sent))
		return;
	if (!have_hooks(w) || wd_hooks_watch(w->hooks, &sent) < 0)
		f->watch.failed = true;
	else
		f->watch.since_ns = wd_clock_monotonic_ns();
}

static int path_of(struct wd_watch *w, const struct wd_flow *f, uint64_t now_ns,
                   struct wd_path_fact *ret)
{
	struct path_key k;
	struct path_slot *s;
	int r;

	memset(&k, 0, sizeof(k));
	k.from = f->tuple.saddr;
	k.to = f->has_backend ? f->backend : f->tuple.daddr;
	k.netns = f->owner.netns;
	k.sport = f->tuple.sport;
	k.dport = f->has_backend ? f->backend_port : f->tuple.dport;
	k.backend_known = f->has_backend;
	for (unsigned int i = 0; i < PATH_SLOTS; i++) {
		s = &w->paths[i];
		if (s->at_ns && s->at_ns + PATH_AGE_NS > now_ns &&
		    memcmp(&s->key, &k, sizeof(k)) == 0) {
			*ret = s->path;
			return 0;
		}
	}
	r = wd_node_path(w->o.node, f, ret);
	if (r < 0)
		return r;
	s = &w->paths[w->next_path++ % PATH_SLOTS];
	s->key = k;
	s->at_ns = now_ns;
	s->path = *ret;
	return 0;
}

static bool attach_path(struct wd_watch *w, struct wd_flow *f, uint64_t now_ns)
{
	uint64_t age = now_ns - f->start_ns, linger = age + age / 4;
	struct wd_path_fact p;
	bool all = true;

	if (path_of(w, f, now_ns, &p) < 0)
		return false;
	if (!p.known)
		return true;
	linger = linger < LINGER_NS ? LINGER_NS : linger > LINGER_MAX ? LINGER_MAX : linger;
	linger += now_ns;
	if (p.client.ifindex)
		all &= attach(w, p.client.ifindex, p.client.name, false, linger);
	if (p.backend.ifindex)
		all &= attach(w, p.backend.ifindex, p.backend.name, false, linger);
	if (p.uplink.ifindex)
		all &= attach(w, p.uplink.ifindex, p.uplink.name, false, linger);
	/* The answer may come by any; and so does the client of a pod that is elsewhere. */
	for (unsigned int i = 0; i < p.n_outward && (!p.backend_here || !p.client_here); i++)
		all &= attach(w, p.outward[i].ifindex, p.outward[i].name, false, linger);
	return all;
}

void wd_watch_event(struct wd_watch *w, const struct wd_event *e)
{
	if (e->kind != WD_EVENT_CONN || e->conn.trigger != WD_CONN_SYN_RETRANS || !e->conn.sock ||
	    w->o.packets == WD_PACKETS_OFF || w->broken || w->n_queue == QUEUE_MAX)
		return;
	w->queue[w->n_queue++] = (struct queued){e->conn.sock, e->ts_ns};
}

static void look_after(struct wd_watch *w, const struct queued *q, uint64_t now_ns)
{
	struct wd_flow *f = wd_flow_table_by_sock(w->o.flows, q->sock);
	bool first;

	if (!f || f->closed || f->tuple.proto != WD_PROTO_TCP || !f->tuple.sport)
		return;
	first = !f->watch.wanted;
	f->watch.wanted = true;
	/* before the way: it leads to the backend */
	learn_nat(w, f);
	/* with --packets, too: its way may lead through a device that is not watched otherwise */
	if (!attach_path(w, f, now_ns))
		f->watch.failed = true;
	watch_nat(w, f);
	/* The first SYN that all of them could see was just sent: that is news. */
	if (first || f->watch.told || f->watch.since_ns + SETTLE_NS > q->ts_ns ||
	    (w->o.packets == WD_PACKETS_ON && !f->watch.since_ns))
		return;
	f->watch.told = true;
	wd_flow_table_again(w->o.flows, f, q->ts_ns + AGAIN_NS);
}

void wd_watch_run(struct wd_watch *w, uint64_t now_ns)
{
	unsigned int n = w->n_queue < RUN_MAX ? w->n_queue : RUN_MAX;

	for (unsigned int i = 0; i < n; i++)
		look_after(w, &w->queue[i], now_ns);
	w->n_queue -= n;
	memmove(w->queue, w->queue + n, w->n_queue * sizeof(w->queue[0]));
}

void wd_watch_tick(struct wd_watch *w, uint64_t now_ns)
{
	if (w->o.packets == WD_PACKETS_ON)
		attach_all(w, now_ns);
	if (!w->hooks)
		return;
	wd_hooks_heartbeat(w->hooks, now_ns);
	w->history[w->n_history++ % HISTORY] =
		(struct sample){now_ns, wd_hooks_counts(w->hooks).lost};
	for (unsigned int i = 0; i < w->n; i++)
		if (!w->v[i].until_ns && w->v[i].needed_ns < now_ns)
			detach(w, &w->v[i], now_ns);
}

/* Others may remove a hook (a network plugin that makes its qdisc anew), and attach programs of
 * their own: before anything follows from what a hook did not see. */
static void check_device(struct wd_watch *w, struct device *d, uint64_t now_ns)
{
	if (d->failed || d->until_ns || d->checked_ns + CHECK_AGE_NS > now_ns)
		return;
	if (!wd_hooks_alive(w->hooks, d->ifindex)) {
		d->until_ns = d->checked_ns;
		return;
	}
	d->checked_ns = now_ns;
	d->xdp = wd_hooks_attached_xdp(w->hooks, d->ifindex);
	d->foreign |= wd_node_device_shared(w->o.node, d->ifindex);
}

/* ---- for the judge --------------------------------------------------------------------- */

static uint64_t lost_since(const struct wd_watch *w, uint64_t since_ns)
{
	unsigned int n = w->n_history < HISTORY ? w->n_history : HISTORY;
	uint64_t now = wd_hooks_counts(w->hooks).lost;

	for (unsigned int i = 1; i <= n; i++) {
		const struct sample *s = &w->history[(w->n_history - i) % HISTORY];

		if (s->at_ns <= since_ns)
			return now - s->lost;
	}
	return now;
}

static bool has(const struct wd_watch_fact *x, const struct device *d)
{
	for (unsigned int i = 0; i < x->n; i++)
		if (x->v[i].ifindex == d->ifindex && x->v[i].since_ns == d->since_ns)
			return true;
	return false;
}

static void add(struct wd_watch *w, uint32_t ifindex, uint64_t since_ns, uint64_t now_ns,
                struct wd_watch_fact *ret)
{
	for (unsigned int i = 0; i < w->n && ret->n < WD_WATCHED_MAX; i++) {
		struct device *d = &w->v[i];

		if (d->ifindex == ifindex)
			check_device(w, d, now_ns);
		if (d->ifindex != ifindex || d->failed || (d->until_ns && d->until_ns < since_ns) ||
		    has(ret, d))
			continue;
		ret->v[ret->n++] = (struct wd_watched){
			.ifindex = d->ifindex,
			.since_ns = d->since_ns,
			.until_ns = d->until_ns,
			.xdp = d->xdp,
			.foreign = d->foreign,
		};
		memcpy(ret->v[ret->n - 1].device, d->name, sizeof(d->name));
	}
}

void wd_watch_describe(struct wd_watch *w, const struct wd_flow *f, uint64_t now_ns,
                       struct wd_watch_fact *ret)
{
	const struct wd_path_fact *p = &ret->path;

	memset(ret, 0, sizeof(*ret));
	ret->wanted = w->o.packets == WD_PACKETS_ON || f->watch.wanted;
	ret->failed = ret->wanted && (w->broken || f->watch.failed);
	if (!w->hooks || !w->n || f->tuple.proto != WD_PROTO_TCP)
		return;
	ret->since_ns = f->watch.since_ns;
	ret->nat_known = w->o.targets->all || f->has_reply ||
	                 (f->has_backend && !f->backend_inferred) || !wd_node_tracks(w->o.node);
	ret->lost = lost_since(w, f->start_ns);
	if (path_of(w, f, now_ns, &ret->path) < 0)
		return;
	add(w, p->client.ifindex, f->start_ns, now_ns, ret);
	add(w, p->uplink.ifindex, f->start_ns, now_ns, ret);
	add(w, p->backend.ifindex, f->start_ns, now_ns, ret);
	for (unsigned int i = 0; i < p->n_outward; i++)
		add(w, p->outward[i].ifindex, f->start_ns, now_ns, ret);
	for (unsigned int i = 0; f->path && i < f->path->n; i++)
		add(w, f->path->v[i].ifindex, f->start_ns, now_ns, ret);
}

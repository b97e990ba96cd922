/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "probe/counters.h"
#include "probe/drops.h"
#include "probe/internal.h"
#include "probe/kernel.h"
#include "probe/ksyms.h"
#include "probe/load.h"
#include "probe/record.h"
#include "probe/targets.h"

/* Names of tables and chains that verdicts tell. */
#define STRINGS_MAX 4096
/* How long it is believed that the verdict programs see every table, and missed nothing. */
#define TABLES_AGE_NS (60 * WD_NSEC_PER_SEC)
#define MISSES_AGE_NS (100 * WD_NSEC_PER_MSEC)

struct wd_probe {
	struct wd_probe_options o;
	struct wd_set base;     /* attached all the time */
	struct wd_set late;     /* the same, of points that needed a second choice */
	struct wd_set verdicts; /* kind DEMAND */
	struct bpf_link *verdict_reporter;
	bool sees_all_tables;
	uint64_t tables_checked_ns, misses_checked_ns;
	bool verdicts_missed; /* a program of theirs did not run once */
	bool verdicts_refused;
	bool fentry, kprobe, may_read; /* what this kernel offers */
	struct ring_buffer *ring;
	struct wd_kernel kernel;
	struct wd_ksyms *ksyms;
	struct wd_intern *strings;
	struct wd_drops *drops;
	uint64_t bad_records;
	wd_event_fn fn; /* during wd_probe_poll() */
	void *ctx;
	unsigned int budget;
};

static int say(char err[WD_PROBE_ERRLEN], int r, const char *what)
{
	snprintf(err, WD_PROBE_ERRLEN, "%s: %s", what, strerror(-r));
	return r;
}

/* ---- load and attach ------------------------------------------------------------- */

static struct wd_load load_options(const struct wd_probe *p)
{
	return (struct wd_load){
		.kernel = &p->kernel,
		.o = &p->o,
		.fentry = p->fentry,
		.kprobe = p->kprobe,
		.may_read = p->may_read,
		.ring_bytes = p->o.ring_bytes,
	};
}

/* The points that did not attach in the first choice go on in an instance of their own. */
static void bring_up_late(struct wd_probe *p)
{
	bool wanted[WD_POINT_MAX], any = false;
	struct wd_load l = load_options(p);
	char err[WD_PROBE_ERRLEN];

	for (unsigned int i = 0; i < WD_POINT_MAX; i++) {
		wanted[i] = p->base.late[i] >= 0;
		any |= wanted[i];
	}
	l.share = p->base.skel;
	l.ring_bytes = 0;
	l.from = p->base.late;
	/* what does not attach now either goes on further down the ladder, or is missing */
	for (unsigned int round = 0; any && round < WD_RUNGS_MAX; round++) {
		int late[WD_POINT_MAX];

		if (wd_set_bring_up(&p->late, &l, wanted, err) < 0)
			return;
		any = false;
		for (unsigned int i = 0; i < WD_POINT_MAX; i++) {
			late[i] = p->late.rung[i] >= 0 ? p->late.rung[i] : p->late.late[i];
			any |= p->late.late[i] >= 0;
			wanted[i] = late[i] >= 0;
		}
		if (!any)
			return;
		wd_set_release(&p->late);
		memcpy(p->base.late, late, sizeof(late));
	}
}

static int bring_up(struct wd_probe *p, char err[WD_PROBE_ERRLEN])
{
	bool wanted[WD_POINT_MAX];
	struct wd_load l;
	bool any = false;
	int r;

	p->fentry = wd_load_fentry_works(&p->kernel, err);
	p->kprobe = wd_load_kprobe_works();
	p->may_read = wd_load_may_read();
	l = load_options(p);
	for (unsigned int i = 0; i < WD_POINT_MAX; i++)
		wanted[i] = wd_point_kind((enum wd_point)i) != WD_KIND_DEMAND;
	r = wd_set_bring_up(&p->base, &l, wanted, err);
	if (r < 0)
		return r;
	bring_up_late(p);
	for (unsigned int i = 0; i < WD_POINT_MAX; i++)
		any |= p->base.rung[i] >= 0 || p->late.rung[i] >= 0;
	return any ? 0 : -ENODEV;
}

/* ---- what was missed ---------------------------------------------------------------- */

static bool is_drop_program(const struct bpf_program *prog)
{
	return strncmp(bpf_program__name(prog), "wd_kfree_skb", 12) == 0;
}

/* What the programs of a set did not run for, since one was busy on that CPU. */
static void add_misses(const struct wd_set *s, struct wd_probe_losses *ret)
{
	struct bpf_program *prog;

	if (!s->skel)
		return;
	bpf_object__for_each_program(prog, s->skel->obj)
	{
		uint64_t missed = wd_counters_misses(bpf_program__fd(prog));

		ret->events += missed;
		ret->drops += is_drop_program(prog) ? missed : 0;
	}
}

/* ---- verdicts, on demand ------------------------------------------------------------ */

static void verdicts_off(struct wd_probe *p)
{
	bpf_link__destroy(p->verdict_reporter);
	p->verdict_reporter = NULL;
	wd_set_release(&p->verdicts);
}

/* That no table decided can be said only if none of this kernel's went unseen: neither one whose
 * module came after the programs, nor any while a program was busy. */
static void check_tables(struct wd_probe *p, uint64_t now_ns)
{
	p->tables_checked_ns = now_ns;
	p->sees_all_tables = true;
	for (unsigned int i = 0; i < WD_POINT_MAX; i++)
		if (wd_point_kind((enum wd_point)i) == WD_KIND_DEMAND && i != WD_POINT_NF_HOOK &&
		    p->verdicts.rung[i] < 0 && wd_ksyms_has(wd_point_name((enum wd_point)i)) != 0)
			p->sees_all_tables = false;
}

static bool no_table_decided(struct wd_probe *p)
{
	uint64_t now_ns = wd_clock_monotonic_ns();
	struct wd_probe_losses m = {0};

	if (now_ns - p->tables_checked_ns > TABLES_AGE_NS)
		check_tables(p, now_ns);
	if (!p->verdicts_missed && now_ns - p->misses_checked_ns > MISSES_AGE_NS) {
		p->misses_checked_ns = now_ns;
		add_misses(&p->verdicts, &m);
		p->verdicts_missed = m.events > 0;
	}
	return p->sees_all_tables && !p->verdicts_missed;
}

static int verdicts_bring_up(struct wd_probe *p, char err[WD_PROBE_ERRLEN])
{
	bool wanted[WD_POINT_MAX], any = false;
	struct wd_load l = load_options(p);
	struct bpf_program *reporter;
	int r;

	l.share = p->base.skel;
	l.ring_bytes = 0;
	l.verdicts = true;
	l.reporter_btf = wd_set_way(&p->base, WD_POINT_KFREE_SKB) == WD_WAY_TP_BTF;
	for (unsigned int i = 0; i < WD_POINT_MAX; i++)
		wanted[i] = wd_point_kind((enum wd_point)i) == WD_KIND_DEMAND;
	r = wd_set_bring_up(&p->verdicts, &l, wanted, err);
	if (r < 0)
		return r;
	p->verdicts.skel->bss->wd_match = p->base.skel->bss->wd_match;
	for (unsigned int i = 0; i < WD_POINT_MAX; i++)
		any |= p->verdicts.rung[i] >= 0;
	p->verdicts_missed = false;
	check_tables(p, wd_clock_monotonic_ns());
	/* a table's frame stands on that of its hook */
	if (!any || p->verdicts.rung[WD_POINT_NF_HOOK] < 0)
		return -ENODEV;
	reporter = l.reporter_btf ? p->verdicts.skel->progs.wd_verdict_btf
	                          : p->verdicts.skel->progs.wd_verdict_raw;
	p->verdict_reporter = bpf_program__attach(reporter);
	return p->verdict_reporter ? 0 : say(err, -errno, "attach to kfree_skb");
}

int wd_probe_verdicts(struct wd_probe *p, bool on, char err[WD_PROBE_ERRLEN])
{
	int r;

	if (on == wd_probe_verdicts_on(p))
		return 0;
	if (!on) {
		verdicts_off(p);
		return 0;
	}
	r = verdicts_bring_up(p, err);
	p->verdicts_refused = r < 0;
	if (r < 0)
		verdicts_off(p);
	return r;
}

bool wd_probe_verdicts_possible(const struct wd_probe *p)
{
	return (p->fentry || p->kprobe) && p->may_read && !p->verdicts_refused;
}

bool wd_probe_verdicts_on(const struct wd_probe *p)
{
	return p->verdict_reporter;
}

/* ---- targets ------------------------------------------------------------------------- */

/* The packet hooks' copy follows with their next heartbeat (hooks_wire.c). */
static void set_match(struct wd_probe *p, uint32_t match)
{
	p->base.skel->bss->wd_match = match;
	if (p->late.skel)
		p->late.skel->bss->wd_match = match;
	if (p->verdicts.skel)
		p->verdicts.skel->bss->wd_match = match;
}

int wd_probe_retarget(struct wd_probe *p, const struct wd_targets *t, const struct wd_hosts *was)
{
	int fd = bpf_map__fd(p->base.skel->maps.wd_hosts), r;

	/* what is let through more must be in the map first, what is let through less afterwards */
	set_match(p, p->base.skel->bss->wd_match | wd_targets_flags(t));
	r = wd_targets_change(t, was, t->hosts, fd);
	if (r == 0)
		set_match(p, wd_targets_flags(t));
	return r;
}

/* ---- ring -------------------------------------------------------------------------- */

/* A UDP datagram that was dropped on its way has no socket: its owner is looked up by
 * tuple, as it was when connect(2) was called. */
static void add_udp_owner(struct wd_probe *p, const struct wd_abi_drop *r, struct wd_event *e)
{
	const struct wd_abi_tuple *t = r->ct_orig.proto ? &r->ct_orig : &r->key.tuple;
	struct wd_abi_owner o;
	struct wd_abi_tuple back = *t;

	memcpy(back.saddr, t->daddr, 16);
	memcpy(back.daddr, t->saddr, 16);
	back.sport = t->dport;
	back.dport = t->sport;
	if (bpf_map_lookup_elem(bpf_map__fd(p->base.skel->maps.wd_udp_owners), t, &o) < 0) {
		if (bpf_map_lookup_elem(bpf_map__fd(p->base.skel->maps.wd_udp_owners), &back, &o) <
		    0)
			return;
		e->drop.owner_is_receiver = true;
	}
	e->drop.owner.cgroup = o.cgroup;
	e->drop.owner.pid = o.pid;
	e->drop.owner.netns = o.netns;
	memcpy(e->drop.owner.comm, o.comm, sizeof(o.comm));
	e->drop.owner.comm[sizeof(o.comm) - 1] = '\0';
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct wd_probe *p = ctx;
	struct wd_record_names names = {&p->kernel, p->ksyms, p->strings};
	struct wd_event e;

	if (wd_record_parse(data, size, &names, &e) < 0) {
		p->bad_records++;
	} else {
		if (e.kind == WD_EVENT_DROP) {
			const struct wd_abi_drop *r = data;

			if (r->aggregated)
				e.drop.key = wd_drops_add(p->drops, &r->key);
			if (e.tuple.proto == WD_PROTO_UDP)
				add_udp_owner(p, r, &e);
		}
		if (e.kind == WD_EVENT_VERDICT && e.verdict.by == WD_BY_OTHER &&
		    !no_table_decided(p))
			e.verdict.by = WD_BY_UNKNOWN;
		p->fn(&e, p->ctx);
	}
	/* any value but 0 ends this round of the ring; what is consumed stays consumed */
	return --p->budget ? 0 : -ECANCELED;
}

int wd_probe_poll(struct wd_probe *p, unsigned int max, wd_event_fn fn, void *ctx)
{
	int r;

	p->fn = fn;
	p->ctx = ctx;
	p->budget = max;
	r = ring_buffer__consume(p->ring);
	if (r < 0 && r != -ECANCELED)
		return r;
	return (int)(max - p->budget);
}

/* ---- life --------------------------------------------------------------------------- */

int wd_probe_open(const struct wd_probe_options *o, struct wd_probe **ret,
                  char err[WD_PROBE_ERRLEN])
{
	struct wd_probe *p = calloc(1, sizeof(*p));
	uint32_t match = 0;
	int r;

	err[0] = '\0';
	if (!p)
		return say(err, -ENOMEM, "start");
	r = wd_kernel_read(&p->kernel);
	if (r < 0) {
		say(err, r, "read the kernel's BTF (/sys/kernel/btf/vmlinux)");
		goto fail;
	}
	r = wd_ksyms_new(&p->ksyms);
	if (r == 0)
		r = wd_intern_new(STRINGS_MAX, &p->strings);
	if (r < 0)
		goto fail;
	p->o = *o;
	for (unsigned int i = 0; i < WD_POINT_MAX; i++)
		p->base.rung[i] = p->late.rung[i] = p->verdicts.rung[i] = -1;
	r = bring_up(p, err);
	wd_kernel_forget_types(&p->kernel);
	if (r < 0)
		goto fail;
	r = wd_drops_new(bpf_map__fd(p->base.skel->maps.wd_drops),
	                 bpf_map__max_entries(p->base.skel->maps.wd_drops), &p->drops);
	if (r < 0)
		goto fail;
	p->ring = ring_buffer__new(bpf_map__fd(p->base.skel->maps.wd_ring), on_record, p, NULL);
	if (!p->ring) {
		r = say(err, -errno, "map the ring buffer");
		goto fail;
	}
	r = wd_targets_install(o->targets, bpf_map__fd(p->base.skel->maps.wd_hosts),
	                       bpf_map__fd(p->base.skel->maps.wd_nets), &match);
	if (r < 0) {
		say(err, r, "install the targets");
		goto fail;
	}
	set_match(p, match);
	for (unsigned int i = 0; i < WD_POINT_MAX; i++)
		if (o->forced[i] && o->force[i] != WD_WAY_NONE &&
		    wd_point_kind((enum wd_point)i) == WD_KIND_DEMAND)
			r = wd_probe_verdicts(p, true, err);
	if (r < 0)
		goto fail;
	*ret = p;
	return 0;
fail:
	wd_probe_close(p);
	return r;
}

void wd_probe_close(struct wd_probe *p)
{
	if (!p)
		return;
	ring_buffer__free(p->ring);
	verdicts_off(p);
	wd_set_release(&p->late);
	wd_set_release(&p->base);
	wd_drops_free(p->drops);
	wd_ksyms_free(p->ksyms);
	wd_intern_free(p->strings);
	wd_kernel_release(&p->kernel);
	free(p);
}

static const struct wd_set *set_of(const struct wd_probe *p, enum wd_point point)
{
	if (wd_point_kind(point) == WD_KIND_DEMAND)
		return &p->verdicts;
	return p->late.rung[point] >= 0 ? &p->late : &p->base;
}

enum wd_way wd_probe_way(const struct wd_probe *p, enum wd_point point)
{
	return wd_set_way(set_of(p, point), point);
}

const char *wd_probe_lost(const struct wd_probe *p, enum wd_point point)
{
	const struct wd_set *s = set_of(p, point);
	const char *lost;

	if (!p->may_read && (wd_ladder_locked_down(point, &lost) || s->rung[point] >= 0))
		return lost;
	if (s->rung[point] >= 0)
		return wd_ladder(point)[s->rung[point]].lost;
	return wd_load_superfluous(&p->kernel, point) ? NULL : wd_point_lost(point);
}

struct wd_probe_maps wd_probe_maps(const struct wd_probe *p)
{
	return (struct wd_probe_maps){
		.ring = bpf_map__fd(p->base.skel->maps.wd_ring),
		.stats = bpf_map__fd(p->base.skel->maps.wd_stats),
		.hosts = bpf_map__fd(p->base.skel->maps.wd_hosts),
		.nets = bpf_map__fd(p->base.skel->maps.wd_nets),
	};
}

uint32_t wd_probe_match(const struct wd_probe *p)
{
	return p->base.skel->bss->wd_match;
}

const struct wd_kernel *wd_probe_kernel(const struct wd_probe *p)
{
	return &p->kernel;
}

bool wd_probe_has_reasons(const struct wd_probe *p)
{
	return p->kernel.kfree_has_reason;
}

int wd_probe_drop_count(struct wd_probe *p, uint64_t key, uint64_t *ret_count,
                        uint64_t *ret_last_ns)
{
	struct wd_abi_drop_count c;
	int r = wd_drops_count(p->drops, key, &c);

	if (r < 0)
		return r;
	*ret_count = c.count;
	*ret_last_ns = c.last_ns;
	return 0;
}

void wd_probe_drop_forget(struct wd_probe *p, uint64_t key)
{
	wd_drops_forget(p->drops, key);
}

void wd_probe_maintain(struct wd_probe *p, uint64_t now_ns)
{
	wd_drops_maintain(p->drops, now_ns);
}

void wd_probe_stats(struct wd_probe *p, struct wd_stats *s)
{
	struct wd_probe_losses m = {0};

	s->bad_records += p->bad_records;
	wd_counters_read(bpf_map__fd(p->base.skel->maps.wd_stats),
	                 bpf_map__fd(p->base.skel->maps.wd_reason_stats), s);
	add_misses(&p->base, &m);
	add_misses(&p->late, &m);
	s->drop_missed += m.drops;
	s->conn_missed += m.events - m.drops;
}

void wd_probe_losses(struct wd_probe *p, struct wd_probe_losses *ret)
{
	static const uint32_t conn[] = {WD_STAT_CONN_LOST_RING, WD_STAT_CONN_LOST_TABLE,
	                                WD_STAT_CONN_EVICTED, WD_STAT_READ_ERROR};
	int fd = bpf_map__fd(p->base.skel->maps.wd_stats);
	uint64_t v;

	*ret = (struct wd_probe_losses){p->bad_records, p->bad_records};
	for (size_t i = 0; i < sizeof(conn) / sizeof(conn[0]); i++)
		if (wd_counters_stat(fd, conn[i], &v) == 0)
			ret->events += v;
	if (wd_counters_stat(fd, WD_STAT_DROP_LOST_RING, &v) == 0) {
		ret->events += v;
		ret->drops += v;
	}
	add_misses(&p->base, ret);
	add_misses(&p->late, ret);
}

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

#include "probe/counters.h"
#include "probe/drops.h"
#include "probe/kernel.h"
#include "probe/ksyms.h"
#include "probe/record.h"
#include "probe/targets.h"
#include "whydrop.skel.h"

/* Program of each point and way; NULL where there is no such way. */
static const char *const programs[WD_POINT_MAX][WD_WAY_MAX] = {
	[WD_POINT_SET_STATE] = {"wd_set_state_btf", "wd_set_state_raw"},
	[WD_POINT_DESTROY] = {"wd_destroy_btf", "wd_destroy_raw"},
	[WD_POINT_RETRANSMIT] = {"wd_retransmit_btf", "wd_retransmit_raw"},
	[WD_POINT_SYNACK] = {"wd_synack_btf", "wd_synack_raw"},
	[WD_POINT_RECEIVE_RESET] = {"wd_receive_reset_btf", "wd_receive_reset_raw"},
	[WD_POINT_SEND_RESET] = {"wd_send_reset_btf", "wd_send_reset_raw"},
	[WD_POINT_ERROR_REPORT] = {"wd_error_report_btf", "wd_error_report_raw"},
	[WD_POINT_KFREE_SKB] = {"wd_kfree_skb_btf", "wd_kfree_skb_raw"},
	[WD_POINT_CONNECT] = {"wd_sys_exit_btf", "wd_sys_exit_raw"},
};

struct wd_probe {
	struct wd_bpf *skel;
	struct bpf_link *links[WD_POINT_MAX];
	enum wd_way ways[WD_POINT_MAX];
	struct ring_buffer *ring;
	struct wd_kernel kernel;
	struct wd_ksyms *ksyms;
	struct wd_drops *drops;
	uint64_t bad_records;
	wd_event_fn fn; /* during wd_probe_poll() */
	void *ctx;
	unsigned int budget;
};

/* libbpf speaks through a global: its last warning is kept as the kernel's answer. */
static char last_warning[256];

static int on_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[512];

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	/* the first line says what failed; verifier logs follow, and are long */
	if (!last_warning[0] && strncmp(line, "libbpf: ", 8) == 0)
		snprintf(last_warning, sizeof(last_warning), "%.240s", line + 8);
	return 0;
}

static int say(char err[WD_PROBE_ERRLEN], int r, const char *what)
{
	snprintf(err, WD_PROBE_ERRLEN, "%s: %s%s%s", what, strerror(-r),
	         last_warning[0] ? ": " : "", last_warning);
	return r;
}

/* ---- load and attach ------------------------------------------------------------- */

static void settings(struct wd_bpf *skel, const struct wd_kernel *k,
                     const enum wd_way ways[WD_POINT_MAX])
{
	skel->rodata->wd_kfree_has_reason = k->kfree_has_reason;
	skel->rodata->wd_reset_has_reason = k->reset_has_reason;
	skel->rodata->wd_have_destroy = ways[WD_POINT_DESTROY] != WD_WAY_NONE;
	for (unsigned int i = 0; i < WD_REASON_SLOTS; i++)
		skel->rodata->wd_reason_ignored[i] = k->drop_reason[i] &&
		                                     wd_drop_reason_ignored(k->drop_reason[i]);
}

/* Opens the object with only the chosen programs in it, and loads it. */
static int load(const struct wd_kernel *k, const enum wd_way ways[WD_POINT_MAX],
                uint32_t ring_bytes, struct wd_bpf **ret, char err[WD_PROBE_ERRLEN])
{
	struct wd_bpf *skel;
	struct bpf_program *prog;
	int r;

	last_warning[0] = '\0';
	libbpf_set_print(on_print);
	skel = wd_bpf__open();
	if (!skel)
		return say(err, -errno, "open the BPF object");
	if (skel->rodata->wd_abi != WD_ABI) {
		snprintf(err, WD_PROBE_ERRLEN,
		         "the BPF object speaks record version %u, this program version %u: "
		         "they were built from different sources",
		         skel->rodata->wd_abi, WD_ABI);
		wd_bpf__destroy(skel);
		return -EPROTO;
	}
	bpf_object__for_each_program(prog, skel->obj) bpf_program__set_autoload(prog, false);
	for (unsigned int i = 0; i < WD_POINT_MAX; i++) {
		if (ways[i] == WD_WAY_NONE)
			continue;
		prog = bpf_object__find_program_by_name(skel->obj, programs[i][ways[i]]);
		if (!prog) {
			wd_bpf__destroy(skel);
			return say(err, -ENOENT, programs[i][ways[i]]);
		}
		bpf_program__set_autoload(prog, true);
	}
	settings(skel, k, ways);
	if (ring_bytes)
		bpf_map__set_max_entries(skel->maps.wd_ring, ring_bytes);
	r = wd_bpf__load(skel);
	if (r < 0) {
		wd_bpf__destroy(skel);
		return say(err, r, "load");
	}
	*ret = skel;
	return 0;
}

static int attach(struct wd_bpf *skel, enum wd_point point, enum wd_way way, struct bpf_link **ret,
                  char err[WD_PROBE_ERRLEN])
{
	struct bpf_program *prog =
		bpf_object__find_program_by_name(skel->obj, programs[point][way]);
	struct bpf_link *link;

	last_warning[0] = '\0';
	link = prog ? bpf_program__attach(prog) : NULL;
	if (!link)
		return say(err, prog ? -errno : -ENOENT, "attach");
	*ret = link;
	return 0;
}

/* Loads and attaches one way of one point, alone, and takes it back. */
static int trial(const struct wd_kernel *k, enum wd_point point, enum wd_way way,
                 char err[WD_PROBE_ERRLEN])
{
	enum wd_way ways[WD_POINT_MAX];
	struct bpf_link *link = NULL;
	struct wd_bpf *skel = NULL;
	int r;

	for (unsigned int i = 0; i < WD_POINT_MAX; i++)
		ways[i] = WD_WAY_NONE;
	ways[point] = way;
	r = load(k, ways, 4096, &skel, err);
	if (r < 0)
		return r;
	r = attach(skel, point, way, &link, err);
	bpf_link__destroy(link);
	wd_bpf__destroy(skel);
	return r;
}

int wd_probe_trial(enum wd_point point, enum wd_way way, char err[WD_PROBE_ERRLEN])
{
	struct wd_kernel k;
	int r;

	err[0] = '\0';
	if (!programs[point][way])
		return -EOPNOTSUPP;
	r = wd_kernel_read(&k);
	if (r < 0)
		return say(err, r, "read the kernel's BTF");
	r = trial(&k, point, way, err);
	wd_kernel_release(&k);
	return r;
}

static enum wd_way next_way(const struct wd_probe_options *o, enum wd_point point,
                            unsigned int from)
{
	if (o->forced[point])
		return from == 0 ? o->force[point] : WD_WAY_NONE;
	for (unsigned int w = from; w < WD_WAY_MAX; w++)
		if (programs[point][w])
			return (enum wd_way)w;
	return WD_WAY_NONE;
}

/* Slow way, when the best choice of all points did not load as a whole. */
static void choose_by_trial(const struct wd_probe_options *o, const struct wd_kernel *k,
                            enum wd_way ways[WD_POINT_MAX], char err[WD_PROBE_ERRLEN])
{
	for (unsigned int i = 0; i < WD_POINT_MAX; i++) {
		enum wd_point point = (enum wd_point)i;

		while (ways[i] != WD_WAY_NONE && trial(k, point, ways[i], err) < 0)
			ways[i] = next_way(o, point, ways[i] + 1);
	}
}

static void detach(struct wd_probe *p)
{
	for (unsigned int i = 0; i < WD_POINT_MAX; i++) {
		bpf_link__destroy(p->links[i]);
		p->links[i] = NULL;
	}
	wd_bpf__destroy(p->skel);
	p->skel = NULL;
}

/* Attaches all that is loaded. Where the kernel refuses only now, the point goes on to
 * its next way: returns -EAGAIN, and all is loaded anew with that. */
static int attach_all(struct wd_probe *p, const struct wd_probe_options *o,
                      char err[WD_PROBE_ERRLEN])
{
	bool again = false;

	for (unsigned int i = 0; i < WD_POINT_MAX; i++) {
		enum wd_point point = (enum wd_point)i;

		if (p->ways[i] == WD_WAY_NONE)
			continue;
		if (attach(p->skel, point, p->ways[i], &p->links[i], err) < 0) {
			p->ways[i] = next_way(o, point, p->ways[i] + 1);
			again = true;
		}
	}
	return again ? -EAGAIN : 0;
}

static int bring_up(struct wd_probe *p, const struct wd_probe_options *o, char err[WD_PROBE_ERRLEN])
{
	unsigned int in_use = 0;
	int r;

	for (unsigned int i = 0; i < WD_POINT_MAX; i++)
		p->ways[i] = next_way(o, (enum wd_point)i, 0);
	/* each round takes at least one way off the ladder */
	for (unsigned int round = 0; round < WD_POINT_MAX * WD_WAY_MAX + 1; round++) {
		r = load(&p->kernel, p->ways, o->ring_bytes, &p->skel, err);
		if (r == -EPROTO)
			return r;
		if (r < 0) {
			choose_by_trial(o, &p->kernel, p->ways, err);
			r = load(&p->kernel, p->ways, o->ring_bytes, &p->skel, err);
		}
		if (r < 0)
			return r;
		r = attach_all(p, o, err);
		if (r == 0)
			break;
		detach(p);
	}
	for (unsigned int i = 0; i < WD_POINT_MAX; i++)
		in_use += p->ways[i] != WD_WAY_NONE;
	if (!p->skel || !in_use)
		return in_use ? r : -ENODEV;
	return 0;
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
	if (bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.wd_udp_owners), t, &o) < 0) {
		if (bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.wd_udp_owners), &back, &o) < 0)
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
	struct wd_record_names names = {&p->kernel, p->ksyms};
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
	last_warning[0] = '\0';
	if (!p)
		return say(err, -ENOMEM, "start");
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	libbpf_set_print(on_print);
	r = wd_kernel_read(&p->kernel);
	if (r < 0) {
		say(err, r, "read the kernel's BTF (/sys/kernel/btf/vmlinux)");
		goto fail;
	}
	r = wd_ksyms_new(&p->ksyms);
	if (r < 0)
		goto fail;
	r = bring_up(p, o, err);
	if (r < 0)
		goto fail;
	r = wd_drops_new(bpf_map__fd(p->skel->maps.wd_drops),
	                 bpf_map__max_entries(p->skel->maps.wd_drops), &p->drops);
	if (r < 0)
		goto fail;
	p->ring = ring_buffer__new(bpf_map__fd(p->skel->maps.wd_ring), on_record, p, NULL);
	if (!p->ring) {
		r = say(err, -errno, "map the ring buffer");
		goto fail;
	}
	r = wd_targets_install(o->targets, bpf_map__fd(p->skel->maps.wd_hosts),
	                       bpf_map__fd(p->skel->maps.wd_nets), &match);
	if (r < 0) {
		say(err, r, "install the targets");
		goto fail;
	}
	p->skel->bss->wd_match = match;
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
	detach(p);
	wd_drops_free(p->drops);
	wd_ksyms_free(p->ksyms);
	wd_kernel_release(&p->kernel);
	free(p);
}

enum wd_way wd_probe_way(const struct wd_probe *p, enum wd_point point)
{
	return p->ways[point];
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

static bool is_drop_program(const struct bpf_program *prog)
{
	return strncmp(bpf_program__name(prog), "wd_kfree_skb", 12) == 0;
}

void wd_probe_stats(struct wd_probe *p, struct wd_stats *s)
{
	struct bpf_program *prog;
	uint64_t missed;

	s->bad_records += p->bad_records;
	wd_counters_read(bpf_map__fd(p->skel->maps.wd_stats),
	                 bpf_map__fd(p->skel->maps.wd_reason_stats), s);
	bpf_object__for_each_program(prog, p->skel->obj)
	{
		missed = wd_counters_misses(bpf_program__fd(prog));
		if (is_drop_program(prog))
			s->drop_missed += missed;
		else
			s->conn_missed += missed;
	}
}

void wd_probe_losses(struct wd_probe *p, struct wd_probe_losses *ret)
{
	static const uint32_t conn[] = {WD_STAT_CONN_LOST_RING, WD_STAT_CONN_LOST_TABLE,
	                                WD_STAT_CONN_EVICTED, WD_STAT_READ_ERROR};
	int fd = bpf_map__fd(p->skel->maps.wd_stats);
	struct bpf_program *prog;
	uint64_t v;

	*ret = (struct wd_probe_losses){p->bad_records, p->bad_records};
	for (size_t i = 0; i < sizeof(conn) / sizeof(conn[0]); i++)
		if (wd_counters_stat(fd, conn[i], &v) == 0)
			ret->events += v;
	if (wd_counters_stat(fd, WD_STAT_DROP_LOST_RING, &v) == 0) {
		ret->events += v;
		ret->drops += v;
	}
	bpf_object__for_each_program(prog, p->skel->obj)
	{
		v = wd_counters_misses(bpf_program__fd(prog));
		ret->events += v;
		ret->drops += is_drop_program(prog) ? v : 0;
	}
}

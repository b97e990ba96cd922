/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/judge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "cmd/cluster.h"
#include "cmd/hooks.h"
#include "diagnose/diagnose.h"
#include "flow/flow.h"
#include "node/node.h"

#define ARENA_SIZE (32u << 10)
/* Facts about one question hold this long: thousands of attempts of one process to one
 * target a second must not read the node's files each time. */
#define FACTS_AGE_NS WD_NSEC_PER_SEC
#define FACTS_SLOTS  32
/* How old the node's rules may be when a connection fails. */
#define RULES_AGE_NS (10 * WD_NSEC_PER_SEC)

struct facts_key {
	struct wd_addr saddr, daddr, backend;
	uint64_t cgroup;
	uint32_t pid, netns, drop_netns;
	uint16_t dport, backend_port;
	uint8_t proto, pad[3];
};

struct facts_slot {
	struct facts_key key;
	uint64_t at_ns; /* 0: empty */
	struct wd_facts facts;
};

/* Losses until then, one entry a second: what was lost during an attempt is what counts
 * against its answer. */
#define HISTORY       256
#define LOSSES_AGE_NS (20 * WD_NSEC_PER_MSEC)

struct losses {
	uint64_t at_ns, events, drops;
};

struct wd_judge {
	struct losses history[HISTORY];
	unsigned int n_history; /* all that were ever entered */
	struct losses latest;
	const struct wd_targets *targets;
	struct wd_probe *probe;
	struct wd_flow_table *flows;
	struct wd_node *node;
	struct wd_watch *watch;
	struct wd_watch_fact watched;
	struct wd_cluster *cluster;
	struct wd_who who;
	uint32_t own_pid;
	struct wd_arena arena;
	struct wd_diagnose_input in;
	struct facts_slot slots[FACTS_SLOTS];
	unsigned int next_slot;
	char netns_names[WD_FLOW_DROPS_MAX][320];
	char icmp_netns_name[320];
};

int wd_judge_new(const char *host_root, const struct wd_targets *targets, struct wd_probe *probe,
                 struct wd_flow_table *flows, struct wd_judge **ret)
{
	struct wd_judge *j = calloc(1, sizeof(*j));
	int r;

	if (!j)
		return -ENOMEM;
	j->targets = targets;
	j->probe = probe;
	j->flows = flows;
	j->own_pid = (uint32_t)getpid();
	r = wd_arena_init(&j->arena, ARENA_SIZE);
	if (r == 0)
		r = wd_node_new(host_root, &j->node);
	if (r < 0) {
		wd_judge_free(j);
		return r;
	}
	j->in.sees_drops = wd_probe_way(probe, WD_POINT_KFREE_SKB) != WD_WAY_NONE;
	j->in.sees_resets = wd_probe_way(probe, WD_POINT_RECEIVE_RESET) != WD_WAY_NONE;
	if (wd_probe_way(probe, WD_POINT_LISTEN_SYN) == WD_WAY_NONE)
		j->in.blind_listen = wd_point_name(WD_POINT_LISTEN_SYN);
	for (unsigned int i = 0; i < WD_POINT_MAX; i++)
		if (wd_point_kind((enum wd_point)i) == WD_KIND_BASE &&
		    wd_probe_lost(probe, (enum wd_point)i) &&
		    j->in.n_missing_probes < WD_FINDING_MISSING_MAX)
			j->in.missing_probes[j->in.n_missing_probes++] =
				wd_point_name((enum wd_point)i);
	*ret = j;
	return 0;
}

struct wd_node *wd_judge_node(struct wd_judge *j)
{
	return j->node;
}

void wd_judge_watch(struct wd_judge *j, struct wd_watch *w)
{
	j->watch = w;
}

void wd_judge_cluster(struct wd_judge *j, struct wd_cluster *c)
{
	j->cluster = c;
}

void wd_judge_free(struct wd_judge *j)
{
	if (!j)
		return;
	wd_node_free(j->node);
	wd_arena_release(&j->arena);
	free(j);
}

static struct losses losses_now(const struct wd_judge *j, uint64_t now_ns)
{
	struct wd_flow_counts c = wd_flow_table_counts(j->flows);
	struct wd_probe_losses p;

	wd_probe_losses(j->probe, &p);
	return (struct losses){now_ns, p.events + c.flows_evicted + c.waiting_evicted,
	                       p.drops + c.waiting_evicted};
}

void wd_judge_tick(struct wd_judge *j, uint64_t now_ns)
{
	j->history[j->n_history++ % HISTORY] = losses_now(j, now_ns);
	wd_node_watch(j->node, now_ns);
}

/* What was lost since `since_ns`: more is counted rather than less. */
static void lost_since(struct wd_judge *j, uint64_t since_ns, uint64_t now_ns)
{
	struct losses now, before = {0};
	unsigned int n = j->n_history < HISTORY ? j->n_history : HISTORY;

	/* reading all counters takes a while: not for each of a thousand findings */
	if (j->latest.at_ns + LOSSES_AGE_NS <= now_ns)
		j->latest = losses_now(j, now_ns);
	now = j->latest;
	for (unsigned int i = 1; i <= n; i++) {
		const struct losses *l = &j->history[(j->n_history - i) % HISTORY];

		if (l->at_ns <= since_ns) {
			before = *l;
			break;
		}
	}
	j->in.lost_events = now.events - before.events;
	j->in.lost_drops = now.drops - before.drops;
}

static void refresh_drops(struct wd_judge *j, struct wd_flow *f)
{
	for (unsigned int i = 0; i < f->n_drops; i++) {
		uint64_t count, last;

		if (wd_probe_drop_count(j->probe, f->drops[i].d.key, &count, &last) == 0)
			wd_flow_drop_update(f, i, count, last);
	}
}

static const struct wd_facts *facts_of(struct wd_judge *j, const struct wd_flow *f, bool fresh,
                                       uint64_t now_ns)
{
	struct facts_slot *slot = NULL;
	struct facts_key k;

	memset(&k, 0, sizeof(k));
	k.saddr = f->tuple.saddr;
	k.daddr = f->tuple.daddr;
	k.backend = f->backend;
	k.cgroup = f->owner.cgroup;
	k.pid = f->owner.pid;
	k.netns = f->owner.netns;
	k.drop_netns = f->n_drops ? f->drops[0].d.netns : 0;
	k.dport = f->tuple.dport;
	k.backend_port = f->backend_port;
	k.proto = f->tuple.proto;
	for (unsigned int i = 0; i < FACTS_SLOTS && !slot; i++)
		if (j->slots[i].at_ns && memcmp(&j->slots[i].key, &k, sizeof(k)) == 0)
			slot = &j->slots[i];
	if (slot && !fresh && slot->at_ns + FACTS_AGE_NS > now_ns)
		return &slot->facts;
	if (!slot)
		slot = &j->slots[j->next_slot++ % FACTS_SLOTS];
	slot->key = k;
	slot->at_ns = now_ns;
	memset(&slot->facts, 0, sizeof(slot->facts));
	wd_node_facts(j->node, f, &slot->facts);
	return &slot->facts;
}

static void name_drop_places(struct wd_judge *j, const struct wd_flow *f)
{
	for (unsigned int i = 0; i < f->n_drops; i++) {
		const char *name = wd_node_netns_name(j->node, f->drops[i].d.netns);

		j->in.drop_netns[i] = NULL;
		if (!name)
			continue;
		strncpy(j->netns_names[i], name, sizeof(j->netns_names[i]) - 1);
		j->in.drop_netns[i] = j->netns_names[i];
	}
}

static void name_icmp_place(struct wd_judge *j, const struct wd_flow *f)
{
	const char *name = f->icmp_sent.count ? wd_node_netns_name(j->node, f->icmp_sent.netns)
	                                      : NULL;

	j->in.icmp_netns = NULL;
	if (!name)
		return;
	strncpy(j->icmp_netns_name, name, sizeof(j->icmp_netns_name) - 1);
	j->in.icmp_netns = j->icmp_netns_name;
}

/* Resolvers (getaddrinfo, Go) connect UDP sockets to every address only to learn which
 * source address the kernel would choose: that one fails is how they find out. */
static bool is_address_selection(const struct wd_judge *j, const struct wd_flow *f)
{
	return j->targets->all && f->tuple.proto == WD_PROTO_UDP && f->connect_failed &&
	       f->tuple.dport != 53;
}

/* A drop or a retransmission may have asked already. */
static void learn_nat(struct wd_judge *j, struct wd_flow *f)
{
	struct wd_tuple reply;

	if (f->has_reply || (f->has_backend && !f->backend_inferred && !f->watch.wanted))
		return;
	if (wd_node_nat(j->node, &f->tuple, &reply) == 0)
		wd_flow_table_nat(j->flows, f, &reply);
}

static void find_who(struct wd_judge *j, const struct wd_flow *f, uint64_t now_ns)
{
	const struct wd_addr *backend = f->has_backend ? &f->backend : NULL;

	j->in.who = NULL;
	j->in.api_trouble = NULL;
	if (!j->cluster)
		return;
	/* what failed may be known already, or may have become true since it was read */
	wd_cluster_refresh(j->cluster, RULES_AGE_NS, now_ns);
	wd_who_find(wd_cluster_stores(j->cluster), &f->tuple, backend, f->backend_port,
	            now_ns + (uint64_t)wd_clock_wall_offset_ns(), &j->who);
	/* the answer is for the next word on this attempt, or the next attempt */
	if (!j->who.backend.ref.name[0] && !j->in.facts->backend.pod.name[0] &&
	    (backend || !j->who.service.name[0]))
		(void)wd_cluster_want_pod(j->cluster, backend ? backend : &f->tuple.daddr);
	j->in.who = &j->who;
	if (j->who.api_server)
		j->in.api_trouble = wd_cluster_api_trouble(j->cluster, f->start_ns, now_ns);
}

/* By name, too: in a PID namespace of our own our number is somebody else's. */
static bool is_own(const struct wd_judge *j, const struct wd_flow *f)
{
	return f->owner.pid == j->own_pid &&
	       strcmp(f->owner.comm, program_invocation_short_name) == 0;
}

bool wd_judge(struct wd_judge *j, struct wd_flow *f, bool final, uint64_t now_ns,
              struct wd_finding *ret)
{
	/* our own way to the API server is evidence for others' (wd_cluster_api_trouble()), and is
	 * told on stderr */
	if (is_address_selection(j, f) || is_own(j, f))
		return false;
	refresh_drops(j, f);
	learn_nat(j, f);
	j->in.flow = f;
	j->in.facts = facts_of(j, f, false, now_ns);
	find_who(j, f, now_ns);
	j->in.final = final;
	j->in.now_ns = now_ns;
	j->in.wall_offset_ns = wd_clock_wall_offset_ns();
	lost_since(j, f->start_ns, now_ns);
	name_drop_places(j, f);
	name_icmp_place(j, f);
	if (!wd_probe_verdicts_possible(j->probe))
		j->in.blind_verdicts = wd_point_name(WD_POINT_NF_HOOK);
	if (j->watch) {
		wd_watch_describe(j->watch, f, now_ns, &j->watched);
		j->in.watch = &j->watched;
	}
	if (!f->overflows_known && j->in.facts->backend.overflows_known) {
		f->overflows_known = true;
		f->overflows = j->in.facts->backend.overflows;
	}
	wd_diagnose(&j->in, &j->arena, ret);
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Lines: the contract with other programs (docs/JSON.md). Absent means unknown. */
#include "output/output.h"

#include "output/writer.h"

/* Roughly what a finding takes, so that the buffer grows once. */
#define FINDING_EXPECT 4096

/* Inline, so that the length of each key is a constant where it is copied. */
#define INLINE static inline __attribute__((always_inline))

INLINE void put_string(struct wd_writer *w, const char *key, size_t n, const char *s)
{
	if (!s || !s[0])
		return;
	wd_writer_key_n(w, key, n);
	wd_writer_string(w, s);
}

INLINE void put_u64(struct wd_writer *w, const char *key, size_t n, uint64_t v)
{
	wd_writer_key_n(w, key, n);
	wd_writer_u64(w, v);
}

/* Left out when NULL or empty. */
#define STRING(w, name, s) put_string((w), "\"" name "\":", sizeof(name) + 2, (s))
#define U64(w, name, v)    put_u64((w), "\"" name "\":", sizeof(name) + 2, (v))
#define BOOL(w, name, v)   (wd_writer_key((w), "\"" name "\":"), wd_writer_bool((w), (v)))
#define OPEN(w, name)      (wd_writer_key((w), "\"" name "\":"), wd_writer_open((w), '{'))
#define CLOSE(w)           wd_writer_close((w), '}')

static void put_head(struct wd_writer *w, const char *type)
{
	wd_writer_raw(w, "{\"v\":1", 6);
	w->comma = true;
	STRING(w, "type", type);
}

static void put_time(struct wd_writer *w, uint64_t wall_ns)
{
	if (!wall_ns)
		return;
	wd_writer_key(w, "\"time\":");
	wd_writer_time(w, wall_ns);
}

static void put_strings(struct wd_writer *w, const char *const *s, unsigned int n)
{
	wd_writer_open(w, '[');
	for (unsigned int i = 0; i < n; i++) {
		if (!s[i])
			continue;
		wd_writer_key(w, "");
		wd_writer_string(w, s[i]);
	}
	wd_writer_close(w, ']');
}

static void put_endpoint(struct wd_writer *w, const struct wd_addr *ip, uint16_t port)
{
	if (!wd_addr_is_any(ip)) {
		wd_writer_key(w, "\"ip\":");
		wd_writer_addr(w, ip);
	}
	if (port)
		U64(w, "port", port);
}

static void put_pod(struct wd_writer *w, const struct wd_pod_ref *p)
{
	if (!p->name[0])
		return;
	OPEN(w, "pod");
	if (p->ns[0])
		STRING(w, "namespace", p->ns);
	STRING(w, "name", p->name);
	CLOSE(w);
}

static void put_client(struct wd_writer *w, const struct wd_finding *f)
{
	bool comm = f->client.comm && f->client.comm[0];

	OPEN(w, "client");
	put_endpoint(w, &f->client.ip, f->client.port);
	if (f->client.host_known)
		BOOL(w, "host", f->client.host);
	STRING(w, "netns", f->client.netns);
	put_pod(w, &f->client.pod);
	STRING(w, "container", f->client.container);
	STRING(w, "node", f->client.node);
	if (f->client.pid || comm) {
		OPEN(w, "process");
		if (f->client.pid)
			U64(w, "pid", f->client.pid);
		if (comm)
			STRING(w, "comm", f->client.comm);
		CLOSE(w);
	}
	CLOSE(w);
}

static void put_target(struct wd_writer *w, const struct wd_finding *f)
{
	OPEN(w, "target");
	put_endpoint(w, &f->target.ip, f->target.port);
	if (f->target.service) {
		OPEN(w, "service");
		STRING(w, "namespace", f->target.service_ns);
		STRING(w, "name", f->target.service);
		STRING(w, "port", f->target.service_port);
		CLOSE(w);
	}
	if (f->target.api_server)
		BOOL(w, "api_server", true);
	STRING(w, "name", f->target.name);
	CLOSE(w);
}

static void put_name(struct wd_writer *w, const char *name)
{
	wd_writer_key(w, "");
	wd_writer_string(w, name);
	wd_writer_raw(w, ":", 1);
}

/* Ages by name, as other programs want them; then from whom, and what is known in part only. */
static void put_state(struct wd_writer *w, const struct wd_finding *f)
{
	bool partial = false;

	if (!f->n_states)
		return;
	OPEN(w, "state_age_ms");
	for (unsigned int i = 0; i < f->n_states; i++) {
		put_name(w, f->state[i].what);
		wd_writer_u64(w, f->state[i].age_ms);
		partial |= f->state[i].partial;
	}
	CLOSE(w);
	OPEN(w, "state_source");
	for (unsigned int i = 0; i < f->n_states; i++) {
		put_name(w, f->state[i].what);
		wd_writer_string(w, f->state[i].source);
	}
	CLOSE(w);
	if (!partial)
		return;
	wd_writer_key(w, "\"state_partial\":");
	wd_writer_open(w, '[');
	for (unsigned int i = 0; i < f->n_states; i++) {
		if (!f->state[i].partial)
			continue;
		wd_writer_key(w, "");
		wd_writer_string(w, f->state[i].what);
	}
	wd_writer_close(w, ']');
}

static void put_drop(struct wd_writer *w, const struct wd_finding *f)
{
	if (!f->drop.known)
		return;
	OPEN(w, "drop");
	STRING(w, "reason", f->drop.reason);
	STRING(w, "function", f->drop.function);
	STRING(w, "hook", f->drop.hook);
	STRING(w, "device", f->drop.device);
	STRING(w, "netns", f->drop.netns);
	U64(w, "count", f->drop.count);
	CLOSE(w);
}

static void put_rule(struct wd_writer *w, const struct wd_finding *f)
{
	if (!f->rule.known)
		return;
	OPEN(w, "rule");
	STRING(w, "tool", f->rule.tool);
	STRING(w, "family", f->rule.family);
	STRING(w, "table", f->rule.table);
	STRING(w, "chain", f->rule.chain);
	CLOSE(w);
}

static void put_path(struct wd_writer *w, const struct wd_finding *f)
{
	if (!f->n_path)
		return;
	wd_writer_key(w, "\"path\":");
	wd_writer_open(w, '[');
	for (unsigned int i = 0; i < f->n_path && i < WD_FINDING_PATH_MAX; i++) {
		const struct wd_finding_path *p = &f->path[i];

		wd_writer_key(w, "");
		wd_writer_open(w, '{');
		STRING(w, "device", p->device);
		STRING(w, "role", p->role);
		STRING(w, "direction", p->out ? "out" : "in");
		if (p->xdp)
			BOOL(w, "xdp", true);
		U64(w, "syn", p->syn);
		U64(w, "syn_ack", p->syn_ack);
		U64(w, "rst", p->rst);
		U64(w, "icmp", p->icmp);
		U64(w, "watched_ms", p->watched_ms);
		CLOSE(w);
	}
	wd_writer_close(w, ']');
}

static void put_evidence(struct wd_writer *w, const struct wd_finding *f)
{
	unsigned int n = f->n_evidence;

	wd_writer_key(w, "\"evidence\":");
	wd_writer_open(w, '[');
	for (unsigned int i = 0; i < n && i < WD_FINDING_EVIDENCE_MAX; i++) {
		wd_writer_key(w, "");
		wd_writer_open(w, '{');
		STRING(w, "kind", f->evidence[i].kind);
		STRING(w, "text", f->evidence[i].text);
		CLOSE(w);
	}
	wd_writer_close(w, ']');
}

static void put_error(struct wd_writer *w, int err)
{
	const char *name;

	if (!err)
		return;
	name = strerrorname_np(err);
	STRING(w, "error", name ? name : "UNKNOWN");
}

static unsigned int at_most(unsigned int n, unsigned int max)
{
	return n < max ? n : max;
}

void wd_json_finding(struct wd_buf *b, const struct wd_finding *f, const char *node)
{
	struct wd_writer w;

	wd_writer_begin(&w, b, FINDING_EXPECT);
	put_head(&w, "finding");
	wd_writer_key(&w, "\"id\":");
	wd_writer_hex64(&w, f->id);
	BOOL(&w, "final", f->final);
	put_time(&w, f->wall_ns);
	STRING(&w, "node", node);
	STRING(&w, "cause", wd_cause_id(f->cause));
	STRING(&w, "confidence", wd_confidence_id(f->confidence));
	if (f->outcome != WD_OUTCOME_NONE)
		STRING(&w, "outcome", wd_outcome_id(f->outcome));
	STRING(&w, "summary", f->summary);
	STRING(&w, "where", f->where);
	wd_writer_key(&w, "\"next\":");
	put_strings(&w, f->next, at_most(f->n_next, WD_FINDING_NEXT_MAX));
	STRING(&w, "proto", wd_proto_name(f->proto));
	put_client(&w, f);
	put_target(&w, f);
	if (f->backend.known) {
		OPEN(&w, "backend");
		put_endpoint(&w, &f->backend.ip, f->backend.port);
		put_pod(&w, &f->backend.pod);
		STRING(&w, "node", f->backend.node);
		CLOSE(&w);
	}
	if (f->attempts)
		U64(&w, "attempts", f->attempts);
	U64(&w, "elapsed_ms", f->elapsed_ms);
	put_error(&w, f->err);
	put_drop(&w, f);
	put_rule(&w, f);
	put_path(&w, f);
	put_evidence(&w, f);
	OPEN(&w, "completeness");
	U64(&w, "lost_events", f->lost_events);
	wd_writer_key(&w, "\"missing_probes\":");
	put_strings(&w, f->missing_probes, at_most(f->n_missing_probes, WD_FINDING_MISSING_MAX));
	put_state(&w, f);
	CLOSE(&w);
	CLOSE(&w);
	wd_writer_end(&w);
}

void wd_json_start(struct wd_buf *b, const struct wd_output_start *s)
{
	struct wd_writer w;

	wd_writer_begin(&w, b, FINDING_EXPECT);
	put_head(&w, "start");
	put_time(&w, s->wall_ns);
	STRING(&w, "version", s->version);
	STRING(&w, "kernel", s->kernel);
	STRING(&w, "node", s->node);
	wd_writer_key(&w, "\"targets\":");
	put_strings(&w, s->targets, s->n_targets);
	if (s->api) {
		OPEN(&w, "api");
		STRING(&w, "server", s->has_api ? s->api : NULL);
		STRING(&w, "unused", s->has_api ? NULL : s->api);
		CLOSE(&w);
	}
	wd_writer_key(&w, "\"probes\":");
	wd_writer_open(&w, '[');
	for (unsigned int i = 0; i < s->n_probes; i++) {
		wd_writer_key(&w, "");
		wd_writer_open(&w, '{');
		STRING(&w, "point", s->probes[i].point);
		STRING(&w, "way", s->probes[i].way);
		STRING(&w, "lost", s->probes[i].lost);
		CLOSE(&w);
	}
	wd_writer_close(&w, ']');
	CLOSE(&w);
	wd_writer_end(&w);
}

static void put_counters(struct wd_writer *w, const struct wd_stats *s)
{
	OPEN(w, "counters");
#define X(field, meaning) U64(w, #field, s->field);
	WD_STATS(X)
#undef X
	CLOSE(w);
	U64(w, "lost", wd_stats_lost(s));
}

void wd_json_stats(struct wd_buf *b, const struct wd_stats *s, uint64_t wall_ns, const char *node)
{
	struct wd_writer w;

	wd_writer_begin(&w, b, FINDING_EXPECT);
	put_head(&w, "stats");
	put_time(&w, wall_ns);
	STRING(&w, "node", node);
	put_counters(&w, s);
	CLOSE(&w);
	wd_writer_end(&w);
}

void wd_json_end(struct wd_buf *b, const struct wd_stats *s, uint64_t wall_ns, uint64_t elapsed_ms,
                 const char *why, const char *node)
{
	struct wd_writer w;

	wd_writer_begin(&w, b, FINDING_EXPECT);
	put_head(&w, "end");
	put_time(&w, wall_ns);
	STRING(&w, "node", node);
	U64(&w, "elapsed_ms", elapsed_ms);
	STRING(&w, "why", why);
	put_counters(&w, s);
	CLOSE(&w);
	wd_writer_end(&w);
}

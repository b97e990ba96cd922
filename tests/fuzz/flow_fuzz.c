/* SPDX-License-Identifier: Apache-2.0 */
/* A ring full of records: from bytes to events, attempts and answers. */
#include "records.h"

#include "diagnose/diagnose.h"
#include "flow/flow.h"

#define SEC 1000000000ull

/* Sequences of records that belong together, a little apart in time. */
size_t wd_fuzz_seed(size_t i, uint8_t buf[WD_FUZZ_MAX])
{
	uint64_t ts = 1000 * SEC;
	size_t n = 0;

	if (i >= 32)
		return 0;
	for (unsigned int k = 0; k < 12; k++) {
		unsigned int type = 1 + (unsigned int)(i * 7 + k * (i + 3)) % (WD_ABI_TYPE_MAX - 1);
		union fuzz_record r;
		size_t m = fuzz_record(&r, type, (unsigned int)(i * 5 + k * 3) % 24, ts);

		memcpy(buf + n, r.bytes, m);
		n += m;
		ts += (k + i) % 3 * (SEC / 3);
	}
	return n;
}

static void check_text(const char *s)
{
	WD_FUZZ_CHECK(s && strlen(s) < 32768);
}

/* Hooks on the devices that saw something, and on one that did not. */
static const struct wd_watch_fact *watch_of(const struct wd_flow *f, const uint8_t s[8])
{
	static struct wd_watch_fact w;
	struct wd_path_device *roles[] = {&w.path.client, &w.path.backend, &w.path.uplink,
	                                  &w.path.outward[0]};

	memset(&w, 0, sizeof(w));
	w.wanted = true;
	w.failed = s[0] & 16;
	w.nat_known = s[0] & 32;
	w.lost = s[7] & 8;
	w.path.known = true;
	w.path.client_here = s[0] & 64;
	w.path.client_host = !w.path.client_here;
	w.path.backend_here = s[0] & 128;
	w.path.n_outward = 1;
	for (unsigned int i = 0; f->path && i < f->path->n && i < 4; i++)
		roles[(s[1] + i) % 4]->ifindex = f->path->v[i].ifindex;
	for (unsigned int i = 0; i < 4; i++) {
		w.v[w.n].ifindex = roles[i]->ifindex ? roles[i]->ifindex : 1000 + i;
		w.v[w.n].since_ns = f->start_ns - s[2] * SEC / 16;
		w.v[w.n].until_ns = s[3] & (1u << i) ? f->start_ns + s[4] * SEC / 16 : 0;
		w.v[w.n++].foreign = s[5] & (1u << i);
	}
	return &w;
}

static void diagnose(struct wd_flow *f, bool final, uint64_t now, const uint8_t *salt, size_t n)
{
	static struct wd_arena arena;
	struct wd_diagnose_input in = {.flow = f, .final = final, .now_ns = now};
	struct wd_facts facts;
	struct wd_finding out;
	uint8_t s[8] = {0};

	if (!arena.mem && wd_arena_init(&arena, 32 << 10))
		abort();
	memcpy(s, salt, n < sizeof(s) ? n : sizeof(s));
	memset(&facts, 0, sizeof(facts));
	facts.backend.local_known = s[0] & 1;
	facts.backend.local = s[0] & 2;
	facts.backend.listener = (enum wd_listener)(s[1] % (WD_LISTENER_PRESENT + 1));
	facts.backend.queue_known = s[0] & 4;
	facts.backend.queue = s[2];
	facts.backend.overflows_known = s[0] & 8;
	facts.backend.overflows = s[3];
	facts.node_route.kind = (enum wd_route_kind)(s[4] % (WD_ROUTE_UNICAST + 1));
	facts.client.route.kind = (enum wd_route_kind)(s[5] % (WD_ROUTE_UNICAST + 1));
	facts.neigh.state = (enum wd_neigh)(s[6] % (WD_NEIGH_RESOLVED + 1));
	in.facts = &facts;
	in.watch = s[7] & 4 ? watch_of(f, s) : NULL;
	in.sees_drops = s[7] & 1;
	in.sees_resets = s[7] & 2;
	in.blind_verdicts = s[7] & 8 ? "nf_hook_slow" : NULL;
	in.blind_listen = s[7] & 16 ? "tcp_conn_request" : NULL;
	wd_diagnose(&in, &arena, &out);
	WD_FUZZ_CHECK((unsigned int)out.cause < WD_CAUSE_MAX);
	WD_FUZZ_CHECK((unsigned int)out.confidence < WD_CONFIDENCE_MAX);
	WD_FUZZ_CHECK((unsigned int)out.outcome < WD_OUTCOME_MAX);
	WD_FUZZ_CHECK(in.sees_drops || in.watch || out.cause != WD_CAUSE_UPSTREAM_SILENT);
	WD_FUZZ_CHECK(out.n_evidence <= WD_FINDING_EVIDENCE_MAX);
	WD_FUZZ_CHECK(out.n_next <= WD_FINDING_NEXT_MAX);
	WD_FUZZ_CHECK(out.n_missing_probes <= WD_FINDING_MISSING_MAX);
	/* a rule is named only if its verdict was seen */
	WD_FUZZ_CHECK(!out.rule.known || f->verdict.by > WD_BY_OTHER);
	check_text(out.summary);
	for (unsigned int i = 0; i < out.n_evidence; i++)
		check_text(out.evidence[i].text);
	for (unsigned int i = 0; i < out.n_next; i++)
		check_text(out.next[i]);
	WD_FUZZ_CHECK(out.n_path <= WD_FINDING_PATH_MAX);
	for (unsigned int i = 0; i < out.n_path; i++)
		check_text(out.path[i].device);
}

static void drain(struct wd_flow_table *t, uint64_t now, const uint8_t *salt, size_t n)
{
	struct wd_flow *f;
	bool final;

	for (unsigned int words = 0; (f = wd_flow_table_due(t, now, &final)); words++) {
		WD_FUZZ_CHECK(words < 10000);
		WD_FUZZ_CHECK(f->n_drops <= WD_FLOW_DROPS_MAX);
		WD_FUZZ_CHECK(f->outcome != WD_OUTCOME_NONE);
		WD_FUZZ_CHECK((unsigned int)f->verdict.by <= WD_BY_NFT);
		WD_FUZZ_CHECK(!f->listen_full.count || f->listen_full.kind);
		diagnose(f, final, now, salt, n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wd_flow_options o = {.max_flows = 16, .max_waiting = 16};
	static struct wd_targets targets;
	struct wd_flow_counts c;
	struct wd_flow_table *t;
	uint64_t now = 0;

	if (!targets.n && wd_targets_add(&targets, "10.96.0.0/16"))
		abort();
	o.targets = &targets;
	if (wd_flow_table_new(&o, &t))
		abort();
	while (size >= sizeof(struct wd_abi_hdr)) {
		struct wd_abi_hdr h;
		struct wd_event e;
		size_t n;

		memcpy(&h, data, sizeof(h));
		n = fuzz_record_size(h.type);
		if (!n || n > size)
			n = 8;
		memset(&e, 0, sizeof(e));
		if (wd_record_parse(data, n, fuzz_names(), &e) == 0) {
			/* the names of a record's place in the table are the reader's own */
			if (e.kind == WD_EVENT_DROP)
				e.drop.key = size;
			wd_flow_table_event(t, &e);
			if (e.ts_ns > now)
				now = e.ts_ns;
			drain(t, now, data, size);
		}
		data += n;
		size -= n;
		c = wd_flow_table_counts(t);
		WD_FUZZ_CHECK(c.flows <= 16 && c.waiting <= 16);
	}
	drain(t, now > UINT64_MAX - 3 * SEC ? now : now + 3 * SEC, data, size);
	wd_flow_table_finish(t, now);
	drain(t, now, data, size);
	wd_flow_table_free(t);
	return 0;
}

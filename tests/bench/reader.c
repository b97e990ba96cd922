/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row 5, first half: from records as they lie in the ring to findings as JSON, without I/O.
 *
 * Two kinds of failure, half and half, on a simulated clock that is polled every 50 ms as
 * `whydrop trace` does: a SYN dropped by a rule (drop, two retransmissions, end: 4 records, an
 * interim and a final finding) and a refusal (reset, end: 2 records, 1 finding). Facts of
 * the node are canned: reading them is bounded by judge's cache, not by the event rate; the
 * system call that refreshes a drop's count before a finding is left out as well.
 */
#include "tests/bench/bench.h"

#include "base/clock.h"
#include "diagnose/diagnose.h"
#include "flow/flow.h"
#include "output/output.h"
#include "probe/record.h"

#define CPU         0
#define TICK_NS     (50 * WD_NSEC_PER_MSEC)
#define TARGET_NS   500.0
#define RECORDS_MAX 16384
#define RECORD_SIZE sizeof(struct wd_abi_drop)
#define ROUNDS      200

enum stage { STAGE_PARSE, STAGE_TABLE, STAGE_DIAGNOSE, STAGE_JSON };

struct sim {
	uint64_t rate, now_ns; /* failing connections a second; simulated time */
	enum stage stage;
	struct wd_kernel kernel;
	struct wd_record_names names;
	struct wd_targets targets;
	struct wd_flow_table *table;
	struct wd_arena arena;
	struct wd_facts facts;
	struct wd_diagnose_input in;
	struct wd_finding finding;
	struct wd_buf out;
	uint32_t reason;
	uint64_t function;
	unsigned char records[RECORDS_MAX][RECORD_SIZE];
	unsigned int n;
	uint64_t findings;
};

/* ---- records ----------------------------------------------------------------------- */

static void put_v4(uint8_t *to, uint32_t v4)
{
	memset(to, 0, 10);
	memset(to + 10, 0xff, 2);
	for (int i = 0; i < 4; i++)
		to[12 + i] = (uint8_t)(v4 >> (24 - 8 * i));
}

/* Connection i: 10.244.a.b:port -> 10.96.0.10:443. */
static void put_tuple(struct wd_abi_tuple *t, uint64_t i)
{
	memset(t, 0, sizeof(*t));
	put_v4(t->saddr, 0x0af40000u | ((uint32_t)i & 0xffff));
	put_v4(t->daddr, 0x0a60000au);
	t->sport = (uint16_t)(20000 + i / 65536 % 40000);
	t->dport = 443;
	t->proto = 6;
}

static void *record(struct sim *s, uint16_t type, size_t size, uint64_t at_ns)
{
	struct wd_abi_hdr h = {WD_ABI, type, (uint32_t)size, at_ns};
	unsigned char *r;

	if (s->n == RECORDS_MAX)
		bench_die("too many records in a tick");
	r = s->records[s->n++];
	memset(r, 0, size);
	memcpy(r, &h, sizeof(h));
	return r;
}

static void put_conn(struct sim *s, uint64_t i, uint64_t start_ns, uint64_t at_ns, uint32_t trigger,
                     uint32_t syn_sent, uint32_t err, uint32_t flags)
{
	struct wd_abi_conn *r = record(s, WD_ABI_CONN, sizeof(*r), at_ns);

	put_tuple(&r->tuple, i);
	r->owner.cgroup = 4711;
	r->owner.pid = 4711;
	r->owner.netns = 4026532000u;
	memcpy(r->owner.comm, "curl", 5);
	r->sock = 0xffff888000000000ull + i * 2304;
	r->start_ns = start_ns;
	r->trigger = trigger;
	r->syn_sent = syn_sent;
	r->err = err;
	r->flags = flags;
	r->rst_reason = -1;
	r->old_state = WD_TCP_SYN_SENT;
	r->new_state = trigger == WD_ABI_TR_CLOSED ? WD_TCP_CLOSE : WD_TCP_SYN_SENT;
}

static void put_drop(struct sim *s, uint64_t i, uint64_t at_ns)
{
	struct wd_abi_drop *r = record(s, WD_ABI_DROP, sizeof(*r), at_ns);

	put_tuple(&r->key.tuple, i);
	r->key.location = s->function;
	r->key.netns = 4026531840u;
	r->key.ifindex = 7;
	r->key.reason = s->reason;
	r->key.tcp_flags = 2;
	r->ct_orig = r->key.tuple;
	put_tuple(&r->ct_reply, i);
	r->skb_iif = 7;
	r->dev_ifindex = 7;
	r->len = 60;
	memcpy(r->device, "veth1234567", 12);
	r->aggregated = 1;
}

static void put_refusal(struct sim *s, uint64_t i, uint64_t at_ns)
{
	struct wd_abi_reset *r = record(s, WD_ABI_RESET, sizeof(*r), at_ns);

	put_tuple(&r->tuple, i);
	r->netns = 4026531840u;
	r->reason = -1;
	r->no_socket = 1;
	put_conn(s, i, at_ns, at_ns + 1000, WD_ABI_TR_CLOSED, 1, ECONNREFUSED, WD_ABI_CONN_RST_RX);
}

/* What happens to connection i in this tick, `age` after it began. */
static void put_step(struct sim *s, uint64_t i, unsigned int age_s, uint64_t start_ns)
{
	uint64_t at = start_ns + age_s * WD_NSEC_PER_SEC;

	if (i & 1) {
		if (age_s == 0)
			put_refusal(s, i, at);
		return;
	}
	if (age_s == 0)
		put_drop(s, i, at);
	else if (age_s == 7)
		put_conn(s, i, start_ns, at, WD_ABI_TR_CLOSED, 3, ETIMEDOUT, 0);
	else
		put_conn(s, i, start_ns, at, WD_ABI_TR_SYN_RETRANS, age_s == 1 ? 2 : 3, 0, 0);
}

static void generate(struct sim *s)
{
	static const unsigned int ages[] = {0, 1, 3, 7};
	uint64_t gap = WD_NSEC_PER_SEC / s->rate;

	s->n = 0;
	for (unsigned int a = 0; a < 4; a++) {
		uint64_t from = s->now_ns - ages[a] * WD_NSEC_PER_SEC;

		for (uint64_t i = (from + gap - 1) / gap; i * gap < from + TICK_NS; i++)
			put_step(s, i, ages[a], i * gap);
	}
	s->now_ns += TICK_NS;
}

/* ---- the reader ---------------------------------------------------------------------- */

static void answer(struct sim *s, struct wd_flow *f, bool final)
{
	s->findings++;
	if (s->stage < STAGE_DIAGNOSE)
		return;
	s->in.flow = f;
	s->in.final = final;
	s->in.now_ns = s->now_ns;
	wd_diagnose(&s->in, &s->arena, &s->finding);
	if (s->stage < STAGE_JSON)
		return;
	wd_json_finding(&s->out, &s->finding, "node-1");
	if (s->out.len > (s->out.cap >> 1))
		wd_buf_reset(&s->out);
}

static void consume(struct sim *s)
{
	struct wd_event e;
	struct wd_flow *f;
	bool final;

	for (unsigned int i = 0; i < s->n; i++) {
		struct wd_abi_hdr h;

		memcpy(&h, s->records[i], sizeof(h));
		if (wd_record_parse(s->records[i], h.size, &s->names, &e) < 0)
			bench_die("a record was refused");
		if (s->stage >= STAGE_TABLE)
			wd_flow_table_event(s->table, &e);
	}
	while (s->stage >= STAGE_TABLE && (f = wd_flow_table_due(s->table, s->now_ns, &final)))
		answer(s, f, final);
}

/* At least `events` records; returns ns per record (wall time: a tick is too short for the CPU
 * clock). */
static double round_of(struct sim *s, unsigned int events)
{
	uint64_t ns = 0, n = 0;

	while (n < events) {
		uint64_t start;

		generate(s);
		start = bench_now();
		consume(s);
		ns += bench_now() - start;
		n += s->n;
	}
	return (double)ns / (double)n;
}

static void can_facts(struct wd_facts *f)
{
	memset(f, 0, sizeof(*f));
	snprintf(f->client.netns, sizeof(f->client.netns), "cni-0001");
	f->client.host_known = true;
	snprintf(f->client.pod.ns, sizeof(f->client.pod.ns), "shop");
	snprintf(f->client.pod.name, sizeof(f->client.pod.name), "cart-7d4b9c6f5-x2x7k");
	f->client.route.kind = WD_ROUTE_UNICAST;
	snprintf(f->client.route.device, sizeof(f->client.route.device), "eth0");
	f->backend.local_known = true;
	f->backend.listener = WD_LISTENER_UNKNOWN;
	f->node_route.kind = WD_ROUTE_UNICAST;
	snprintf(f->node_route.device, sizeof(f->node_route.device), "eth0");
}

static uint64_t address_of(const char *function)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[256], name[128];
	uint64_t addr, found = 0;

	while (f && !found && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx %*c %127s", &addr, name) == 2 && strcmp(name, function) == 0)
			found = addr + 16;
	if (f)
		fclose(f);
	return found;
}

static void sim_init(struct sim *s)
{
	if (wd_kernel_read(&s->kernel) < 0)
		bench_die("no kernel BTF");
	s->names.kernel = &s->kernel;
	if (wd_ksyms_new(&s->names.ksyms) < 0 || wd_arena_init(&s->arena, 32u << 10) < 0)
		bench_die("no memory");
	wd_buf_init(&s->out, 8u << 20);
	for (uint32_t i = 0; i < WD_REASON_SLOTS; i++)
		if (s->kernel.drop_reason[i] &&
		    strcmp(s->kernel.drop_reason[i], "NETFILTER_DROP") == 0)
			s->reason = i;
	s->function = address_of("nf_hook_slow");
	can_facts(&s->facts);
	s->in.facts = &s->facts;
	s->in.sees_drops = true;
	s->in.sees_resets = true;
	s->in.drop_netns[0] = "node";
}

static struct bench_quartiles measure(struct sim *s, uint64_t rate, enum stage stage,
                                      unsigned int *ret_flows)
{
	struct wd_flow_options fo = {.targets = &s->targets};
	struct bench_quartiles q;
	double v[ROUNDS];
	unsigned int n = 0, events = rate > 1000 ? 5000 : 4000;
	uint64_t start;

	if (wd_flow_table_new(&fo, &s->table) < 0)
		bench_die("no memory");
	s->rate = rate;
	s->stage = stage;
	s->findings = 0;
	/* 13 s fill the table: an attempt lasts 7 s and lingers for 5 */
	for (s->now_ns = 1000 * WD_NSEC_PER_SEC; s->now_ns < 1013 * WD_NSEC_PER_SEC;) {
		generate(s);
		consume(s);
	}
	start = bench_now();
	while (n < ROUNDS && (n < 15 || bench_now() - start < 3 * WD_NSEC_PER_SEC))
		v[n++] = round_of(s, events);
	q = bench_quartiles(v, n);
	*ret_flows = wd_flow_table_counts(s->table).flows;
	wd_flow_table_free(s->table);
	if (stage >= STAGE_TABLE && !s->findings)
		bench_die("no findings");
	if (s->out.err)
		bench_die("output buffer");
	return q;
}

int main(void)
{
	static const struct {
		uint64_t rate;
		const char *what;
	} rates[] = {{50, "50 failures/s"}, {400, "400 failures/s"}, {5000, "5000 failures/s"}};
	static struct sim s;
	struct bench_quartiles parse, table, diagnose, all;
	unsigned int flows;

	bench_pin(CPU);
	wd_targets_add(&s.targets, "10.96.0.0/12");
	sim_init(&s);
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		parse = measure(&s, rates[i].rate, STAGE_PARSE, &flows);
		table = measure(&s, rates[i].rate, STAGE_TABLE, &flows);
		diagnose = measure(&s, rates[i].rate, STAGE_DIAGNOSE, &flows);
		all = measure(&s, rates[i].rate, STAGE_JSON, &flows);
		bench_row("5\trecord to finding, %s (%u in the table)\tparse %.0f ns\t%.0f ns an "
		          "event "
		          "[%.0f, %.0f]\t<= 500 ns\t%s",
		          rates[i].what, flows, parse.median, diagnose.median, diagnose.q1,
		          diagnose.q3, bench_verdict(diagnose.median <= TARGET_NS));
		bench_note("of these: flow table %+.0f, diagnose %+.0f; and JSON %+.0f ns an event",
		           table.median - parse.median, diagnose.median - table.median,
		           all.median - diagnose.median);
	}
	return 0;
}

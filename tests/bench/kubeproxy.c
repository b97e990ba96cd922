/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row 10, the node's half: Services and endpoints out of a rule dump of 5 000 Services with 10
 * endpoints each, as iptables-save and as nft JSON of both layouts. Baseline: finding the ends
 * of the lines resp. elements of the same bytes.
 */
#include <sys/resource.h>

#include "tests/bench/bench.h"

#include "base/buf.h"
#include "model/store.h"
#include "node/elements.h"
#include "node/kubeproxy.h"

#define CPU       0
#define SERVICES  5000u
#define ENDPOINTS 10u
#define ROUNDS    15
#define PIECE     65536
#define TARGET    300.0

struct job {
	struct wd_buf text;
	const char *what;
	bool nft;
	struct wd_store *store;           /* NULL: objects are only counted */
	unsigned int services, endpoints; /* that came out */
};

/* Sixteen digits of base32, as unlike each other as hashes are. */
static const char *digits(uint64_t v, unsigned int n)
{
	static char ring[4][17];
	static unsigned int at;
	char *s = ring[at++ % 4];

	v = (v + 1) * 0x9e3779b97f4a7c15ull;
	for (unsigned int i = 0; i < n; i++) {
		v ^= v >> 27;
		v *= 0x2545f4914f6cdd1dull;
		s[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[v >> 59];
	}
	s[n] = '\0';
	return s;
}

static const char *addr(unsigned int net, unsigned int i)
{
	static char ring[4][40];
	static unsigned int at;
	char *s = ring[at++ % 4];

	snprintf(s, sizeof(ring[0]), "10.%u.%u.%u", net + i / 65536, i / 256 % 256, i % 256);
	return s;
}

static void save_services(struct wd_buf *b, unsigned int s)
{
	wd_buf_printf(
		b,
		"-A KUBE-SERVICES -d %s/32 -p tcp -m comment --comment \"team-%u/service-%u:http "
		"cluster IP\" -m tcp --dport 80 -j KUBE-SVC-%s\n",
		addr(96, s), s % 50, s, digits(s, 16));
}

static void save_endpoints(struct wd_buf *b, unsigned int s)
{
	for (unsigned int e = 0; e < ENDPOINTS; e++) {
		unsigned int i = s * ENDPOINTS + e;

		wd_buf_printf(
			b,
			"-A KUBE-SEP-%s -s %s/32 -m comment --comment \"team-%u/service-%u:http\" "
			"-j KUBE-MARK-MASQ\n",
			digits(1000000 + i, 16), addr(128, i), s % 50, s);
		wd_buf_printf(
			b,
			"-A KUBE-SEP-%s -p tcp -m comment --comment \"team-%u/service-%u:http\" -m "
			"tcp -j DNAT --to-destination %s:8080\n",
			digits(1000000 + i, 16), s % 50, s, addr(128, i));
	}
}

static void save_jumps(struct wd_buf *b, unsigned int s)
{
	for (unsigned int e = 0; e < ENDPOINTS; e++) {
		unsigned int i = s * ENDPOINTS + e;

		wd_buf_printf(
			b,
			"-A KUBE-SVC-%s -m comment --comment \"team-%u/service-%u:http -> "
			"%s:8080\" "
			"-m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-%s\n",
			digits(s, 16), s % 50, s, addr(128, i), digits(1000000 + i, 16));
	}
}

static void save_make(struct wd_buf *b)
{
	wd_buf_puts(b, "*nat\n");
	for (unsigned int i = 0; i < SERVICES * ENDPOINTS; i++)
		wd_buf_printf(b, ":KUBE-SEP-%s - [0:0]\n", digits(1000000 + i, 16));
	for (unsigned int i = 0; i < SERVICES; i++)
		wd_buf_printf(b, ":KUBE-SVC-%s - [0:0]\n", digits(i, 16));
	for (unsigned int s = 0; s < SERVICES; s++)
		save_endpoints(b, s);
	for (unsigned int s = 0; s < SERVICES; s++)
		save_services(b, s);
	for (unsigned int s = 0; s < SERVICES; s++)
		save_jumps(b, s);
	wd_buf_puts(b, "COMMIT\n");
}

#define RULE     ", {\"rule\": {\"family\": \"ip\", \"table\": \"kube-proxy\", \"chain\": "
#define NAME     "%s-%s-team-%u/service-%u/tcp/http"
#define ENDPOINT NAME "__%s/8080"

/* 1.36: the endpoints are in the Service's rule. */
static void new_rules(struct wd_buf *b, unsigned int s)
{
	wd_buf_printf(
		b,
		RULE
		"\"" NAME "\", \"handle\": %u, \"expr\": [{\"match\": {\"op\": \"==\", "
		"\"left\": {\"meta\": {\"key\": \"l4proto\"}}, \"right\": \"tcp\"}}, {\"dnat\": "
		"{\"family\": \"ip\", \"addr\": {\"map\": {\"key\": {\"numgen\": {\"mode\": "
		"\"random\", \"mod\": 10, \"offset\": 0}}, \"data\": {\"set\": [",
		"service", digits(s, 8), s % 50, s, s);
	for (unsigned int e = 0; e < ENDPOINTS; e++)
		wd_buf_printf(b, "%s[%u, {\"concat\": [\"%s\", 8080]}]", e ? ", " : "", e,
		              addr(128, s * ENDPOINTS + e));
	wd_buf_puts(b, "]}}}}}]}}");
}

/* Until 1.35: a chain an endpoint, of two rules. */
static void old_rules(struct wd_buf *b, unsigned int s)
{
	wd_buf_printf(b,
	              RULE
	              "\"" NAME "\", \"handle\": %u, \"expr\": [{\"vmap\": {\"key\": {\"numgen\": "
	              "{\"mode\": \"random\", \"mod\": 10, \"offset\": 0}}, \"data\": {\"set\": [",
	              "service", digits(s, 8), s % 50, s, s);
	for (unsigned int e = 0; e < ENDPOINTS; e++)
		wd_buf_printf(b, "%s[%u, {\"goto\": {\"target\": \"" ENDPOINT "\"}}]",
		              e ? ", " : "", e, "endpoint", digits(s * ENDPOINTS + e, 8), s % 50, s,
		              addr(128, s * ENDPOINTS + e));
	wd_buf_puts(b, "]}}}]}}");
	for (unsigned int e = 0; e < ENDPOINTS; e++) {
		const char *hash = digits(s * ENDPOINTS + e, 8), *ip = addr(128, s * ENDPOINTS + e);

		wd_buf_printf(b,
		              RULE
		              "\"" ENDPOINT "\", \"handle\": 9, \"expr\": [{\"match\": {\"op\": "
		              "\"==\", \"left\": {\"payload\": {\"protocol\": \"ip\", \"field\": "
		              "\"saddr\"}}, \"right\": \"%s\"}}, {\"jump\": {\"target\": "
		              "\"mark-for-masquerade\"}}]}}",
		              "endpoint", hash, s % 50, s, ip, ip);
		wd_buf_printf(b,
		              RULE
		              "\"" ENDPOINT "\", \"handle\": 9, \"expr\": [{\"match\": {\"op\": "
		              "\"==\", \"left\": {\"meta\": {\"key\": \"l4proto\"}}, \"right\": "
		              "\"tcp\"}}, {\"dnat\": {\"addr\": \"%s\", \"port\": 8080}}]}}",
		              "endpoint", hash, s % 50, s, ip, ip);
	}
}

static void nft_make(struct wd_buf *b, void (*rules)(struct wd_buf *b, unsigned int s))
{
	wd_buf_puts(b, "{\"nftables\": [{\"map\": {\"family\": \"ip\", \"name\": \"service-ips\", "
	               "\"table\": "
	               "\"kube-proxy\", \"handle\": 8, \"map\": \"verdict\", \"elem\": [");
	for (unsigned int s = 0; s < SERVICES; s++)
		wd_buf_printf(
			b,
			"%s[{\"concat\": [\"%s\", \"tcp\", 80]}, {\"goto\": {\"target\": \"" NAME
			"\"}}]",
			s ? ", " : "", addr(96, s), "service", digits(s, 8), s % 50, s);
	wd_buf_puts(b, "]}}");
	for (unsigned int s = 0; s < SERVICES; s++)
		rules(b, s);
	wd_buf_puts(b, "]}\n");
}

static int count(const struct wd_object *o, void *ctx)
{
	struct job *j = ctx;

	if (j->store && wd_store_put(j->store, o) < 0)
		bench_die("the store takes no more");
	if (o->kind == WD_RESOURCE_SERVICE)
		j->services++;
	else
		j->endpoints += o->slice.n_endpoints;
	return 0;
}

static int element(const char *json, size_t n, void *ctx)
{
	return wd_kubeproxy_nft_element(ctx, json, n);
}

static int no_element(const char *json, size_t n, void *ctx)
{
	*(uint64_t *)ctx += n + (json[0] == '{');
	return 0;
}

static void read_all(struct job *j)
{
	struct wd_kubeproxy *k;
	struct wd_elements e;
	int r = 0;

	if (wd_kubeproxy_new(&k) < 0)
		bench_die("no memory");
	j->services = j->endpoints = 0;
	wd_elements_init(&e, element, k);
	wd_kubeproxy_iptables_begin(k, WD_KUBEPROXY_LEGACY);
	for (size_t at = 0; at < j->text.len && !r; at += PIECE) {
		size_t n = j->text.len - at < PIECE ? j->text.len - at : PIECE;

		r = j->nft ? wd_elements_feed(&e, j->text.data + at, n)
		           : wd_kubeproxy_iptables(k, j->text.data + at, n);
	}
	if (!r)
		r = j->nft ? wd_elements_end(&e) : wd_kubeproxy_iptables_end(k);
	if (r || wd_kubeproxy_each(k, count, j) || wd_kubeproxy_report(k)->refused)
		bench_die("%s could not be read: %s", j->what, wd_kubeproxy_report(k)->first);
	wd_elements_release(&e);
	wd_kubeproxy_free(k);
	if (j->services != SERVICES || j->endpoints != SERVICES * ENDPOINTS)
		bench_die("%s: %u services, %u endpoints", j->what, j->services, j->endpoints);
}

static void scan_all(struct job *j)
{
	const char *p = j->text.data, *end = p + j->text.len;
	struct wd_elements e;
	uint64_t sum = 0;

	if (j->nft) {
		wd_elements_init(&e, no_element, &sum);
		if (wd_elements_feed(&e, p, j->text.len))
			bench_die("%s", j->what);
		wd_elements_release(&e);
		return;
	}
	while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) {
		p++;
		sum++;
	}
	if (!sum)
		bench_die("%s has no lines", j->what);
}

/* ms a dump, of this process's CPU */
static struct bench_quartiles measure(struct job *j, void (*work)(struct job *))
{
	double v[ROUNDS];

	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint64_t start = bench_clock(CLOCK_PROCESS_CPUTIME_ID);

		work(j);
		v[i] = (double)(bench_clock(CLOCK_PROCESS_CPUTIME_ID) - start) / 1e6;
	}
	return bench_quartiles(v, ROUNDS);
}

static long peak_kib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static void show(struct job *j)
{
	long before = peak_kib();
	struct bench_quartiles q = measure(j, read_all), base;
	long after = peak_kib();

	base = measure(j, scan_all);
	bench_row("10\tServices of %s (%zu MB)\tends of lines %.1f ms\t%.1f ms [%.1f, %.1f], +%ld "
	          "MiB\t<= 300 ms\t%s",
	          j->what, j->text.len / 1000000, base.median, q.median, q.q1, q.q3,
	          (after - before) / 1024, bench_verdict(q.median <= TARGET));
}

int main(void)
{
	static struct job save = {.what = "iptables-save, 155 k rules"},
			  newer = {.what = "nft -j, Kubernetes 1.36", .nft = true},
			  older = {.what = "nft -j, Kubernetes 1.32, 105 k rules", .nft = true};

	bench_pin(CPU);
	wd_buf_init(&save.text, 128u << 20);
	wd_buf_init(&newer.text, 128u << 20);
	wd_buf_init(&older.text, 128u << 20);
	save_make(&save.text);
	nft_make(&newer.text, new_rules);
	nft_make(&older.text, old_rules);
	if (save.text.err || newer.text.err || older.text.err)
		bench_die("no memory");
	show(&save);
	/* from the second round on each object replaces the one before, as in a refresh */
	if (wd_store_new(&save.store) < 0)
		bench_die("no memory");
	save.what = "the same, put into a store";
	show(&save);
	wd_store_free(save.store);
	show(&newer);
	show(&older);
	return 0;
}

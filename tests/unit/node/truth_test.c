/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real tools against the real API server: rules that a kube-proxy wrote are loaded into a
 * network namespace of this test, dumped by what a node has installed, read, and compared with
 * the Services and EndpointSlices of the same cluster.
 */
#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <sched.h>

#include "base/clock.h"
#include "model/store.h"
#include "node/dump.h"
#include "tests/unit/node/kubeproxy.h"

#define DATA "tests/unit/node/data/"
#define API  "../shared/fixtures/shop/api/"

/* One fact a line. */
struct facts {
	char v[512][256];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void fact(struct facts *f, const char *fmt, ...)
{
	va_list ap;

	assert_true(f->n < sizeof(f->v) / sizeof(f->v[0]));
	va_start(ap, fmt);
	vsnprintf(f->v[f->n++], sizeof(f->v[0]), fmt, ap);
	va_end(ap);
}

static int fact_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* ---- what the API server says ---------------------------------------------------------------- */

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static int proto(const json_t *port)
{
	return strcmp(text(port, "protocol"), "UDP") ? 6 : 17;
}

static void api_service(struct facts *f, const json_t *item)
{
	const json_t *meta = json_object_get(item, "metadata"),
		     *spec = json_object_get(item, "spec"), *p;
	const char *ip = text(spec, "clusterIP");
	size_t i;

	/* no kube-proxy has rules for these */
	if (!strcmp(ip, "None"))
		return;
	json_array_foreach (json_object_get(spec, "ports"), i, p)
		fact(f, "service %s/%s %s %s %d/%d @%d%s", text(meta, "namespace"),
		     text(meta, "name"), ip, text(p, "name"),
		     (int)json_integer_value(json_object_get(p, "port")), proto(p),
		     (int)json_integer_value(json_object_get(p, "nodePort")),
		     strcmp(text(spec, "sessionAffinity"), "ClientIP") ? "" : " affinity");
}

static void api_slice(struct facts *f, const json_t *item)
{
	const json_t *meta = json_object_get(item, "metadata"), *p, *e;
	const char *service = text(json_object_get(meta, "labels"), "kubernetes.io/service-name");
	size_t i, j;

	if (!strcmp(service, "db-headless"))
		return;
	json_array_foreach (json_object_get(item, "ports"), i, p)
		json_array_foreach (json_object_get(item, "endpoints"), j, e)
			fact(f, "endpoint %s/%s %s/%d %s:%d", text(meta, "namespace"), service,
			     text(p, "name"), proto(p),
			     json_string_value(json_array_get(json_object_get(e, "addresses"), 0)),
			     (int)json_integer_value(json_object_get(p, "port")));
}

static bool api_read(struct facts *f, const char *path,
                     void (*each)(struct facts *f, const json_t *item))
{
	json_t *root = json_load_file(path, 0, NULL), *item;
	size_t i;

	if (!root)
		return false;
	json_array_foreach (json_object_get(root, "items"), i, item)
		each(f, item);
	json_decref(root);
	return true;
}

/* ---- what the rules say ---------------------------------------------------------------------- */

static int rules_object(const struct wd_object *o, void *ctx)
{
	const struct wd_service *s = &o->service;
	const struct wd_slice *l = &o->slice;
	char ip[WD_ADDR_STRLEN];

	if (o->kind == WD_RESOURCE_SERVICE) {
		assert_int_equal(s->n_cluster_ips, 1);
		for (unsigned int i = 0; i < s->n_ports; i++)
			fact(ctx, "service %s/%s %s %s %u/%u @%u%s", s->ns, s->name,
			     wd_addr_format(&s->cluster_ips[0], ip), s->ports[i].name,
			     s->ports[i].port, s->ports[i].proto, s->ports[i].node_port,
			     s->affinity ? " affinity" : "");
		return 0;
	}
	for (unsigned int i = 0; i < l->n_ports; i++)
		for (unsigned int e = 0; e < l->n_endpoints; e++)
			fact(ctx, "endpoint %s/%s %s/%u %s:%u", l->ns, l->service, l->ports[i].name,
			     l->ports[i].proto, wd_addr_format(&l->endpoints[e].ip, ip),
			     l->ports[i].port);
	return 0;
}

struct run {
	struct event_base *base;
	struct wd_kubeproxy *k;
	struct wd_elements elements;
	int result; /* of the reader */
	struct wd_dump_state state;
};

static void on_begin(void *ctx, enum wd_dump which)
{
	struct run *r = ctx;

	if (which == WD_DUMP_NFT)
		wd_elements_init(&r->elements, nft_each, r->k);
	else
		wd_kubeproxy_iptables_begin(r->k, which == WD_DUMP_IPTABLES_LEGACY
		                                          ? WD_KUBEPROXY_LEGACY
		                                          : WD_KUBEPROXY_NFT);
}

static int on_data(void *ctx, enum wd_dump which, const char *p, size_t n)
{
	struct run *r = ctx;

	return which == WD_DUMP_NFT ? wd_elements_feed(&r->elements, p, n)
	                            : wd_kubeproxy_iptables(r->k, p, n);
}

static void on_end(void *ctx, enum wd_dump which, const struct wd_dump_state *st)
{
	struct run *r = ctx;

	r->state = *st;
	if (which == WD_DUMP_NFT) {
		r->result = wd_elements_end(&r->elements);
		wd_elements_release(&r->elements);
	} else {
		r->result = wd_kubeproxy_iptables_end(r->k);
	}
}

static void on_done(void *ctx)
{
	struct run *r = ctx;

	event_base_loopbreak(r->base);
}

static void dump(enum wd_dump which, struct facts *ret)
{
	static const struct wd_dumps_ops ops = {on_begin, on_data, on_end, on_done};
	struct run r = {.base = event_base_new()};
	struct wd_dumps *d = NULL;

	assert_int_equal(wd_kubeproxy_new(&r.k), 0);
	assert_int_equal(wd_dumps_new(r.base, NULL, &ops, &r, &d), 0);
	assert_int_equal(wd_dumps_refresh(d, 1u << which, wd_clock_monotonic_ns()), 0);
	event_base_dispatch(r.base);
	assert_string_equal(r.state.message, "");
	assert_int_equal(r.state.result, WD_DUMP_DONE);
	assert_int_equal(r.result, 0);
	assert_string_equal(wd_kubeproxy_report(r.k)->first, "");
	assert_int_equal(wd_kubeproxy_each(r.k, rules_object, ret), 0);
	wd_dumps_free(d);
	wd_kubeproxy_free(r.k);
	event_base_free(r.base);
}

static void check(const char *load, enum wd_dump which)
{
	static struct facts want, got;

	want.n = got.n = 0;
	if (!api_read(&want, API "services.json", api_service) ||
	    !api_read(&want, API "endpointslices.json", api_slice)) {
		print_message("# SKIP " API " is not there\n");
		skip();
	}
	/* anew, so that one kind of rules is not read as another */
	if (unshare(CLONE_NEWNET) || system(load)) {
		print_message("# SKIP no namespace of our own, or a tool is missing: %s\n", load);
		skip();
	}
	dump(which, &got);
	qsort(want.v, want.n, sizeof(want.v[0]), fact_compare);
	qsort(got.v, got.n, sizeof(got.v[0]), fact_compare);
	for (size_t i = 0; i < want.n && i < got.n; i++)
		assert_string_equal(got.v[i], want.v[i]);
	assert_int_equal(got.n, want.n);
	assert_true(want.n > 20);
}

/* The objects of nfacct are not there, and their rules do no more than count. */
static void iptables_legacy(void **state)
{
	(void)state;
	check("grep -v nfacct " DATA "iptables-legacy.save | iptables-legacy-restore 2>&1",
	      WD_DUMP_IPTABLES_LEGACY);
}

static void iptables_nft(void **state)
{
	(void)state;
	check("grep -v nfacct " DATA "iptables-nft.save | iptables-nft-restore 2>&1",
	      WD_DUMP_IPTABLES_NFT);
}

static void nftables(void **state)
{
	(void)state;
	check("nft -f " DATA "nftables.nft 2>&1", WD_DUMP_NFT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(iptables_legacy),
		cmocka_unit_test(iptables_nft),
		cmocka_unit_test(nftables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From tools to the store. The tools are scripts that print the fixtures; the store is a
 * stand-in that keeps names, so that what vanishes can be seen to vanish.
 */
#include "node/nodeservices.h"

#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "model/store.h"
#include "tests/unit/node/tree.h"

#define KEPT_MAX 64

struct wd_store {
	char names[KEPT_MAX][128];
	bool marked[KEPT_MAX];
	unsigned int n;
	bool resync[WD_RESOURCE_MAX];
	struct wd_store_state st[WD_RESOURCE_MAX];
	char problem[256];
};

static void name_of(const struct wd_object *o, char ret[128])
{
	if (o->kind == WD_RESOURCE_SERVICE)
		snprintf(ret, 128, "%u %s/%s", o->kind, o->service.ns, o->service.name);
	else
		snprintf(ret, 128, "%u %s/%s", o->kind, o->slice.ns, o->slice.name);
}

int wd_store_put(struct wd_store *s, const struct wd_object *o)
{
	char name[128];
	unsigned int i;

	assert_true(s->resync[o->kind]);
	name_of(o, name);
	for (i = 0; i < s->n && strcmp(s->names[i], name); i++)
		;
	assert_true(i < KEPT_MAX);
	if (i == s->n)
		memcpy(s->names[s->n++], name, sizeof(name));
	s->marked[i] = true;
	return 0;
}

void wd_store_resync_begin(struct wd_store *s, enum wd_resource kind)
{
	assert_false(s->resync[kind]);
	s->resync[kind] = true;
	for (unsigned int i = 0; i < s->n; i++)
		if (s->names[i][0] == (char)('0' + (int)kind))
			s->marked[i] = false;
}

void wd_store_resync_end(struct wd_store *s, enum wd_resource kind, bool complete)
{
	assert_true(s->resync[kind]);
	s->resync[kind] = false;
	for (unsigned int i = 0; complete && i < s->n;) {
		if (s->marked[i] || s->names[i][0] != (char)('0' + (int)kind)) {
			i++;
			continue;
		}
		s->n--;
		memcpy(s->names[i], s->names[s->n], sizeof(s->names[i]));
		s->marked[i] = s->marked[s->n];
	}
}

void wd_store_set_state(struct wd_store *s, enum wd_resource kind, const struct wd_store_state *st)
{
	s->st[kind] = *st;
	snprintf(s->problem, sizeof(s->problem), "%s", st->problem ? st->problem : "");
}

struct fixture {
	struct tree t;
	struct event_base *base;
	struct wd_store store;
	struct wd_nodeservices *s;
	char path[128], proc[128], sys[128];
	unsigned int done, tapped;
	uint64_t now;
};

static void tool(const struct fixture *f, const char *name, const char *script)
{
	char path[256];

	snprintf(path, sizeof(path), "bin/%s", name);
	tree_write(&f->t, path, script);
	assert_int_equal(chmod(tree_path(&f->t, path), 0755), 0);
}

/* A tool that prints a file of this directory. */
static void prints(const struct fixture *f, const char *name, const char *file)
{
	char script[PATH_MAX], cwd[1024];

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(script, sizeof(script), "#!/bin/sh\nexec cat %s/tests/unit/node/data/%s\n", cwd,
	         file);
	tool(f, name, script);
}

static void on_done(void *ctx)
{
	struct fixture *f = ctx;

	f->done++;
	event_base_loopbreak(f->base);
}

static int on_tap(void *ctx, enum wd_dump which, const char *p, size_t n)
{
	struct fixture *f = ctx;

	(void)p;
	(void)n;
	f->tapped |= 1u << which;
	return 0;
}

static const struct wd_dumps_ops tap = {.data = on_tap};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct wd_nodeservices_options o = {0};

	if (!f)
		return -1;
	tree_make(&f->t);
	snprintf(f->path, sizeof(f->path), "%s/bin:/usr/bin:/bin", f->t.root);
	snprintf(f->proc, sizeof(f->proc), "%s/proc", f->t.root);
	snprintf(f->sys, sizeof(f->sys), "%s/sys", f->t.root);
	tree_write(&f->t, "proc/net/ip_tables_names", "");
	tree_dir(&f->t, "sys/module/nf_tables");
	tool(f, "iptables-nft-save", "#!/bin/sh\n");
	tool(f, "ip6tables-nft-save", "#!/bin/sh\n");
	tool(f, "nft", "#!/bin/sh\necho '{\"nftables\": []}'\n");
	f->base = event_base_new();
	o.dumps = (struct wd_dumps_options){.proc = f->proc, .sys = f->sys, .path = f->path};
	o.done = on_done;
	o.ctx = f;
	o.tap = &tap;
	o.tap_ctx = f;
	f->now = WD_NSEC_PER_SEC;
	*state = f;
	return wd_nodeservices_new(f->base, &o, &f->store, &f->s);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	wd_nodeservices_free(f->s);
	event_base_free(f->base);
	tree_remove(&f->t);
	free(f);
	return 0;
}

static void refresh(struct fixture *f)
{
	unsigned int before = f->done;

	f->now = wd_dumps_due(wd_nodeservices_dumps(f->s)) + WD_NSEC_PER_SEC;
	f->tapped = 0;
	assert_int_equal(wd_nodeservices_refresh(f->s, 0, f->now), -EINPROGRESS);
	assert_int_equal(wd_nodeservices_refresh(f->s, 0, f->now), -EINPROGRESS);
	event_base_dispatch(f->base);
	assert_int_equal(f->done, before + 1);
	assert_int_equal(wd_nodeservices_age(f->s, f->now + 5), 5);
	assert_int_equal(wd_nodeservices_refresh(f->s, 5, f->now + 5), 0);
}

static bool has(const struct fixture *f, const char *name)
{
	for (unsigned int i = 0; i < f->store.n; i++)
		if (!strcmp(f->store.names[i], name))
			return true;
	return false;
}

static void check_state(const struct fixture *f, bool complete, const char *problem)
{
	assert_string_equal(f->store.problem, problem);
	assert_int_equal(f->store.st[WD_RESOURCE_SERVICE].complete, complete);
	assert_int_equal(f->store.st[WD_RESOURCE_SLICE].complete, complete);
	assert_false(f->store.st[WD_RESOURCE_SERVICE].live);
	assert_true(f->store.st[WD_RESOURCE_SERVICE].as_of_ns > 1700000000ull * WD_NSEC_PER_SEC);
}

static void fills_the_store(void **state)
{
	struct fixture *f = *state;

	assert_true(wd_nodeservices_age(f->s, 5) == UINT64_MAX);
	prints(f, "iptables-nft-save", "iptables-nft.save");
	refresh(f);
	check_state(f, true, "");
	assert_int_equal(f->store.n, 20);
	assert_true(has(f, "1 default/kubernetes"));
	assert_true(has(f, "2 shop/cart-kube-proxy-ipv4"));
	assert_int_equal(f->tapped, 1u << WD_DUMP_IPTABLES_NFT | 1u << WD_DUMP_NFT);
	assert_true(wd_nodeservices_report(f->s)->seen[WD_KUBEPROXY_NFT]);
	/* the same by nftables, which leaves the names the same */
	tool(f, "iptables-nft-save", "#!/bin/sh\n");
	prints(f, "nft", "nftables.json");
	refresh(f);
	check_state(f, true, "");
	assert_int_equal(f->store.n, 20);
	assert_true(wd_nodeservices_report(f->s)->seen[WD_KUBEPROXY_TABLES]);
}

#define SAVE(name)                                                                    \
	"#!/bin/sh\necho '*nat'\n"                                                    \
	"echo '-A KUBE-SERVICES -d 10.0.0.9/32 -p tcp -m comment --comment \"a/" name \
	" cluster IP\" -m tcp --dport 80 -j KUBE-SVC-X'\n"                            \
	"echo '-A KUBE-SVC-X -j KUBE-SEP-X'\n"                                        \
	"echo '-A KUBE-SEP-X -j DNAT --to-destination 10.1.0.1:80'\n"

static void what_vanishes_from_the_rules_goes(void **state)
{
	struct fixture *f = *state;

	tool(f, "iptables-nft-save", SAVE("old") "echo COMMIT\n");
	refresh(f);
	assert_true(has(f, "1 a/old") && has(f, "2 a/old-kube-proxy-ipv4"));
	/* A dump that broke off takes nothing away. */
	tool(f, "iptables-nft-save", SAVE("new"));
	refresh(f);
	assert_true(has(f, "1 a/old") && has(f, "1 a/new"));
	check_state(f, false, "output of iptables-nft-save: is not whole");
	tool(f, "iptables-nft-save", SAVE("new") "echo COMMIT; echo no >&2; exit 1\n");
	refresh(f);
	assert_true(has(f, "1 a/old") && has(f, "1 a/new"));
	check_state(f, false, "iptables-nft-save: no");
	tool(f, "iptables-nft-save", SAVE("new") "echo COMMIT\n");
	refresh(f);
	assert_false(has(f, "1 a/old") || has(f, "2 a/old-kube-proxy-ipv4"));
	assert_true(has(f, "1 a/new") && has(f, "2 a/new-kube-proxy-ipv4"));
	check_state(f, true, "");
}

static void says_what_is_missing(void **state)
{
	struct fixture *f = *state;

	refresh(f);
	assert_int_equal(f->store.n, 0);
	check_state(f, false, "there are no rules of kube-proxy on this node");
	unlink(tree_path(&f->t, "bin/nft"));
	refresh(f);
	assert_non_null(strstr(f->store.problem, "nft is not installed"));
	/* kube-proxy was found elsewhere: the tool would have nothing to add */
	tool(f, "iptables-nft-save", SAVE("x") "echo COMMIT\n");
	refresh(f);
	check_state(f, true, "");
	/* but its Services of the other family are not known without this one */
	unlink(tree_path(&f->t, "bin/ip6tables-nft-save"));
	refresh(f);
	assert_non_null(strstr(f->store.problem, "ip6tables-nft-save is not installed"));
	/* nft says nothing where it has nothing */
	tool(f, "ip6tables-nft-save", "#!/bin/sh\n");
	tool(f, "nft", "#!/bin/sh\n");
	refresh(f);
	check_state(f, true, "");
	tool(f, "nft", "#!/bin/sh\necho '{\"nftables\": [{'\n");
	refresh(f);
	check_state(f, false, "output of nft: is not whole");
}

static void reads_ip_vs(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->t, "proc/net/ip_vs",
	           "IP Virtual Server version 1.2.1 (size=4096)\n"
	           "Prot LocalAddress:Port Scheduler Flags\n"
	           "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n"
	           "TCP  0A600001:01BB rr  \n"
	           "  -> AC11003E:192B      Masq    1      0          0         \n");
	refresh(f);
	check_state(f, true, "");
	assert_true(has(f, "1 /10.96.0.1") && has(f, "2 /10.96.0.1-kube-proxy-ipv4"));
}

static void refused_lines_are_counted(void **state)
{
	struct fixture *f = *state;

	tool(f, "iptables-nft-save",
	     SAVE("x") "echo '-A KUBE-SEP-Y -j DNAT --to-destination x'\necho COMMIT\n");
	refresh(f);
	check_state(f, true, "");
	assert_int_equal(f->store.st[WD_RESOURCE_SERVICE].skipped, 1);
	assert_string_equal(wd_nodeservices_report(f->s)->first,
	                    "iptables-nft-save line 5: -A KUBE-SEP-Y -j DNAT --to-destination x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(fills_the_store, setup, teardown),
		cmocka_unit_test_setup_teardown(what_vanishes_from_the_rules_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(says_what_is_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_ip_vs, setup, teardown),
		cmocka_unit_test_setup_teardown(refused_lines_are_counted, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

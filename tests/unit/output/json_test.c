/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include <jansson.h>

#include "sample.h"

static struct wd_buf buf;

/* The one object that the last call wrote; the caller releases it. */
static json_t *parsed(void)
{
	json_error_t error;
	json_t *root;

	assert_int_equal(buf.err, 0);
	assert_true(buf.len > 0);
	assert_ptr_equal(memchr(buf.data, '\n', buf.len), buf.data + buf.len - 1);
	root = json_loadb(buf.data, buf.len, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		fail_msg("%s: %.*s", error.text, (int)buf.len, buf.data);
	assert_int_equal(json_integer_value(json_object_get(root, "v")), 1);
	wd_buf_reset(&buf);
	return root;
}

static json_t *finding(const struct wd_finding *f)
{
	wd_json_finding(&buf, f, "node-1");
	return parsed();
}

/* The value at "a.b.c". */
static json_t *at(json_t *o, const char *path)
{
	char name[64];

	while (o && *path) {
		size_t n = strcspn(path, ".");

		memcpy(name, path, n);
		name[n] = '\0';
		o = json_is_array(o) ? json_array_get(o, (size_t)atoi(name))
		                     : json_object_get(o, name);
		path += n + (path[n] == '.');
	}
	return o;
}

static void assert_text(json_t *o, const char *path, const char *want)
{
	const char *s = json_string_value(at(o, path));

	if (!s)
		fail_msg("no text at %s", path);
	assert_string_equal(s, want);
}

static void assert_number(json_t *o, const char *path, long long want)
{
	if (!json_is_integer(at(o, path)))
		fail_msg("no number at %s", path);
	assert_int_equal(json_integer_value(at(o, path)), want);
}

static void assert_no_null(const json_t *v)
{
	const char *key;
	json_t *item;
	size_t i;

	assert_false(json_is_null(v));
	/* Both loops run zero times on what they are not for. */
	json_array_foreach (v, i, item)
		assert_no_null(item);
	json_object_foreach ((json_t *)(uintptr_t)v, key, item)
		assert_no_null(item);
}

static void test_finding(void **state)
{
	struct wd_finding f = sample_finding();
	json_t *o = finding(&f);

	(void)state;
	assert_text(o, "type", "finding");
	assert_text(o, "id", "000000000000001f");
	assert_true(json_is_true(at(o, "final")));
	assert_text(o, "time", "2026-11-22T12:04:31.218Z");
	assert_text(o, "node", "node-1");
	assert_text(o, "cause", "filter-denied");
	assert_text(o, "confidence", "certain");
	assert_text(o, "outcome", "unanswered");
	assert_text(o, "summary", f.summary);
	assert_text(o, "where", f.where);
	assert_int_equal(json_array_size(at(o, "next")), 2);
	assert_text(o, "next.1", "ask who owns it");
	assert_text(o, "proto", "tcp");
	assert_text(o, "client.ip", "10.244.0.5");
	assert_number(o, "client.port", 41234);
	assert_true(json_is_false(at(o, "client.host")));
	assert_text(o, "client.netns", "cni-7d1f");
	assert_text(o, "client.pod.namespace", "shop");
	assert_text(o, "client.pod.name", "cart-0");
	assert_number(o, "client.process.pid", 4711);
	assert_text(o, "client.process.comm", "curl");
	assert_text(o, "target.ip", "10.96.156.220");
	assert_number(o, "target.port", 443);
	assert_text(o, "backend.ip", "10.244.0.20");
	assert_number(o, "backend.port", 8443);
	assert_text(o, "backend.pod.name", "api-1");
	assert_number(o, "attempts", 3);
	assert_number(o, "elapsed_ms", 3120);
	assert_text(o, "error", "ETIMEDOUT");
	assert_text(o, "drop.reason", "NETFILTER_DROP");
	assert_text(o, "drop.function", "nf_hook_slow");
	assert_text(o, "drop.hook", "forward");
	assert_text(o, "drop.device", "veth3a1f");
	assert_text(o, "drop.netns", "node");
	assert_number(o, "drop.count", 3);
	assert_int_equal(json_array_size(at(o, "evidence")), 3);
	assert_text(o, "evidence.2.kind", "missing");
	assert_text(o, "evidence.1.text", "all 3 dropped in nf_hook_slow");
	assert_number(o, "completeness.lost_events", 0);
	assert_int_equal(json_array_size(at(o, "completeness.missing_probes")), 0);
	assert_no_null(o);
	json_decref(o);
}

/* What is unknown is absent: no null, no 0, no "". */
static void test_finding_unknown(void **state)
{
	static const char *const absent[] = {
		"time",         "outcome",     "summary",     "where",      "proto",
		"client.ip",    "client.port", "client.host", "client.pod", "client.process",
		"client.netns", "target.ip",   "target.port", "backend",    "attempts",
		"error",        "drop",
	};
	struct wd_finding f = {.summary = "", .client.comm = ""};
	json_t *o = finding(&f);

	(void)state;
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		if (at(o, absent[i]))
			fail_msg("%s is there", absent[i]);
	assert_true(json_is_false(at(o, "final")));
	assert_text(o, "cause", "unknown");
	assert_text(o, "confidence", "possible");
	assert_true(json_is_object(at(o, "client")));
	assert_true(json_is_object(at(o, "target")));
	assert_true(json_is_array(at(o, "evidence")));
	assert_no_null(o);
	json_decref(o);

	wd_json_finding(&buf, &f, NULL);
	o = parsed();
	assert_null(at(o, "node"));
	json_decref(o);
}

static void test_finding_partly_known(void **state)
{
	struct wd_finding f = sample_finding();
	json_t *o;

	(void)state;
	f.client.pod.ns[0] = '\0';
	f.client.comm = NULL;
	f.client.host = true;
	f.backend.pod.name[0] = '\0';
	f.drop.reason = NULL;
	f.drop.hook = "";
	f.err = 99999;
	f.evidence[1].kind = NULL;
	f.next[0] = NULL;
	f.lost_events = UINT64_MAX / 2;
	f.missing_probes[0] = "nf_hook_slow";
	f.n_missing_probes = 1;
	o = finding(&f);
	assert_null(at(o, "client.pod.namespace"));
	assert_text(o, "client.pod.name", "cart-0");
	assert_number(o, "client.process.pid", 4711);
	assert_null(at(o, "client.process.comm"));
	assert_true(json_is_true(at(o, "client.host")));
	assert_null(at(o, "backend.pod"));
	assert_null(at(o, "drop.reason"));
	assert_null(at(o, "drop.hook"));
	assert_text(o, "error", "UNKNOWN");
	assert_null(at(o, "evidence.1.kind"));
	assert_text(o, "evidence.1.text", "all 3 dropped in nf_hook_slow");
	assert_int_equal(json_array_size(at(o, "next")), 1);
	assert_number(o, "completeness.lost_events", INT64_MAX);
	assert_text(o, "completeness.missing_probes.0", "nf_hook_slow");
	assert_no_null(o);
	json_decref(o);
}

/* Which rule dropped it: there only where a verdict was seen, and then as far as it is known. */
static void test_rule(void **state)
{
	struct wd_finding f = sample_finding();
	json_t *o = finding(&f);

	(void)state;
	assert_null(at(o, "rule"));
	json_decref(o);

	f.rule.known = true;
	f.rule.tool = "nft";
	f.rule.family = "ip";
	f.rule.table = "filter";
	f.rule.chain = "KUBE-FORWARD";
	o = finding(&f);
	assert_int_equal(json_object_size(at(o, "rule")), 4);
	assert_text(o, "rule.tool", "nft");
	assert_text(o, "rule.family", "ip");
	assert_text(o, "rule.table", "filter");
	assert_text(o, "rule.chain", "KUBE-FORWARD");
	json_decref(o);

	f.rule.tool = "iptables-legacy";
	f.rule.family = f.rule.table = NULL;
	f.rule.chain = "\"},\"cause\":\"no-route\xff\n";
	o = finding(&f);
	assert_int_equal(json_object_size(at(o, "rule")), 2);
	assert_text(o, "rule.tool", "iptables-legacy");
	assert_text(o, "rule.chain", "\"},\"cause\":\"no-route\xef\xbf\xbd\n");
	assert_text(o, "cause", "filter-denied");
	assert_no_null(o);
	json_decref(o);

	/* names without a verdict are leftovers */
	f.rule.known = false;
	o = finding(&f);
	assert_null(at(o, "rule"));
	json_decref(o);
}

static void test_finding_hostile(void **state)
{
	struct wd_finding f = sample_finding();
	char long_text[5001];
	json_t *o;

	(void)state;
	memset(long_text, '"', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	f.summary = long_text;
	f.client.comm = "\xff\x1b[2J\"},{";
	strcpy(f.client.pod.name, "a\",\"cause\":\"no-route");
	f.where = "line\nline";
	f.n_next = 1000;
	f.n_evidence = 1000;
	f.n_missing_probes = 1000;
	f.n_path = 1000;
	f.cause = (enum wd_cause)1000;
	o = finding(&f);
	assert_text(o, "summary", long_text);
	assert_text(o, "client.process.comm", "\xef\xbf\xbd\x1b[2J\"},{");
	assert_text(o, "client.pod.name", "a\",\"cause\":\"no-route");
	assert_text(o, "cause", "unknown");
	assert_text(o, "where", "line\nline");
	json_decref(o);
}

/* What the packet hooks saw, device by device; nothing if they saw none. */
static void test_path(void **state)
{
	struct wd_finding f = sample_finding();
	json_t *o = finding(&f);

	(void)state;
	assert_null(at(o, "path"));
	json_decref(o);
	f.n_path = 2;
	f.path[0] = (struct wd_finding_path){
		.device = "veth\"1", .role = "client", .syn = 3, .watched_ms = 2100};
	f.path[1] = (struct wd_finding_path){.device = "eth0",
	                                     .role = "uplink",
	                                     .out = true,
	                                     .xdp = true,
	                                     .syn_ack = 1,
	                                     .rst = 2,
	                                     .icmp = 4};
	o = finding(&f);
	assert_int_equal(json_array_size(at(o, "path")), 2);
	assert_text(o, "path.0.device", "veth\"1");
	assert_text(o, "path.0.role", "client");
	assert_text(o, "path.0.direction", "in");
	assert_null(at(o, "path.0.xdp"));
	assert_number(o, "path.0.syn", 3);
	assert_number(o, "path.0.syn_ack", 0);
	assert_number(o, "path.0.watched_ms", 2100);
	assert_text(o, "path.1.direction", "out");
	assert_true(json_is_true(at(o, "path.1.xdp")));
	assert_number(o, "path.1.syn_ack", 1);
	assert_number(o, "path.1.rst", 2);
	assert_number(o, "path.1.icmp", 4);
	json_decref(o);
}

/* Many in one buffer; the last one does not fit: whole lines only. */
static void test_cap(void **state)
{
	struct wd_finding f = sample_finding();
	struct wd_buf small;
	unsigned int lines = 0;

	(void)state;
	wd_buf_init(&small, 20000);
	while (!small.err)
		wd_json_finding(&small, &f, "n");
	assert_int_equal(small.err, -ENOBUFS);
	assert_int_equal(small.data[small.len - 1], '\n');
	for (size_t i = 0; i < small.len; i++)
		lines += small.data[i] == '\n';
	assert_in_range(lines, 10, 20);
	assert_int_equal(small.len % lines, 0);
	wd_buf_release(&small);
}

static void test_start(void **state)
{
	static const struct wd_output_probe probes[] = {
		{"kfree_skb", "tp_btf", NULL, false},
		{"nf_hook_slow", NULL, "which hook", false},
		{"icmp_send", NULL, "less exact", true},
		{"connect", "kprobe", "not all are seen", false},
	};
	static const char *const targets[] = {"api", "10.0.0.0/8:443"};
	struct wd_output_start s = {
		.wall_ns = 1795349071218000000ull,
		.version = "0.1.0",
		.kernel = "6.1.0",
		.node = "n\"1",
		.targets = targets,
		.n_targets = 2,
		.probes = probes,
		.n_probes = 4,
	};
	json_t *o;

	(void)state;
	wd_json_start(&buf, &s);
	o = parsed();
	assert_text(o, "type", "start");
	assert_text(o, "time", "2026-11-22T12:04:31.218Z");
	assert_text(o, "version", "0.1.0");
	assert_text(o, "kernel", "6.1.0");
	assert_text(o, "node", "n\"1");
	assert_text(o, "targets.1", "10.0.0.0/8:443");
	assert_text(o, "probes.0.point", "kfree_skb");
	assert_text(o, "probes.0.way", "tp_btf");
	assert_null(at(o, "probes.0.lost"));
	assert_null(at(o, "probes.1.way"));
	assert_text(o, "probes.1.lost", "which hook");
	/* programs are told of minor ones as of any, and of what a way sees less */
	assert_null(at(o, "probes.2.way"));
	assert_text(o, "probes.2.lost", "less exact");
	assert_text(o, "probes.3.way", "kprobe");
	assert_text(o, "probes.3.lost", "not all are seen");
	json_decref(o);

	wd_json_start(&buf, &(struct wd_output_start){0});
	o = parsed();
	assert_int_equal(json_array_size(at(o, "probes")), 0);
	assert_int_equal(json_array_size(at(o, "targets")), 0);
	assert_no_null(o);
	json_decref(o);
}

static void test_stats_and_end(void **state)
{
	struct wd_stats s = {0};
	unsigned int n = 0;
	json_t *o;

	(void)state;
#define X(field, meaning) s.field = ++n;
	WD_STATS(X)
#undef X
	wd_json_stats(&buf, &s, 1795349071218000000ull, "n");
	o = parsed();
	assert_text(o, "type", "stats");
	assert_text(o, "time", "2026-11-22T12:04:31.218Z");
	assert_int_equal(json_object_size(at(o, "counters")), n);
	n = 0;
#define X(field, meaning) assert_number(o, "counters." #field, ++n);
	WD_STATS(X)
#undef X
	assert_number(o, "lost", (long long)wd_stats_lost(&s));
	json_decref(o);

	wd_json_end(&buf, &s, 1795349071218000000ull, 329000, "interrupted", "n");
	o = parsed();
	assert_text(o, "type", "end");
	assert_number(o, "elapsed_ms", 329000);
	assert_text(o, "why", "interrupted");
	assert_text(o, "node", "n");
	assert_number(o, "lost", (long long)wd_stats_lost(&s));
	json_decref(o);
}

static int release(void **state)
{
	(void)state;
	wd_buf_release(&buf);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finding),
		cmocka_unit_test(test_finding_unknown),
		cmocka_unit_test(test_finding_partly_known),
		cmocka_unit_test(test_rule),
		cmocka_unit_test(test_finding_hostile),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_stats_and_end),
	};

	wd_buf_init(&buf, 1 << 20);
	return cmocka_run_group_tests(tests, NULL, release);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a real kube-apiserver wrote (tests/unit/kube/data, ../shared/fixtures), envelopes and
 * watch frames. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kube/encode.h"
#include "kube/objects.h"
#include "kube/split.h"
#include "tests/unit/kube/describe.h"
#include "tests/unit/kube/escaped.h"

#define DATA   "tests/unit/kube/data/"
#define SHARED "../shared/fixtures/"

struct list {
	enum wd_resource kind;
	struct wd_parse *parse;
	struct wd_buf text; /* descriptions, one a line */
	unsigned int n;
	char resource_version[64], next[200];
};

static struct list list;
static char err[WD_PARSE_ERRLEN];

static int setup(void **state)
{
	(void)state;
	memset(&list, 0, sizeof(list));
	wd_buf_init(&list.text, 16u << 20);
	return wd_parse_new(&list.parse);
}

static int teardown(void **state)
{
	(void)state;
	wd_parse_free(list.parse);
	wd_buf_release(&list.text);
	return 0;
}

/* The whole file; skips the test when it is not there. */
static char *file_read(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "rb");
	char *text;

	if (!f) {
		printf("no %s\n", path);
		skip();
	}
	text = calloc(1, 1 << 20);
	assert_non_null(text);
	*ret_n = fread(text, 1, (1 << 20) - 1, f);
	fclose(f);
	return text;
}

/* Must be described as what l->text ends with from that place on. */
static void same_as(struct list *l, size_t from, const struct wd_buf *json)
{
	struct wd_object o;
	struct wd_buf text;

	if (wd_parse_object(l->parse, l->kind, json->data, json->len, &o, err))
		fail_msg("%.*s: %s", (int)json->len, json->data, err);
	wd_buf_init(&text, 1 << 20);
	describe(&text, &o);
	assert_int_equal(text.len, l->text.len - from);
	assert_memory_equal(text.data, l->text.data + from, text.len);
	wd_buf_release(&text);
}

/* Parses, describes; the same must come of what is encoded of it, and when nothing is pruned. */
static int each(const char *json, size_t n, void *ctx)
{
	struct list *l = ctx;
	struct wd_object o;
	struct wd_buf again;
	size_t from = l->text.len;

	if (wd_parse_object(l->parse, l->kind, json, n, &o, err))
		fail_msg("%.*s: %s", (int)n, json, err);
	describe(&l->text, &o);
	wd_buf_init(&again, 1 << 20);
	wd_encode_object(&again, &o);
	same_as(l, from, &again);
	wd_buf_reset(&again);
	escape_keys(&again, json, n);
	same_as(l, from, &again);
	wd_buf_release(&again);
	wd_buf_putc(&l->text, '\n');
	l->n++;
	return 0;
}

static const char *list_read(enum wd_resource kind, const char *path, const char *list_kind)
{
	struct wd_kube_envelope e;
	struct wd_split *s;
	const char *json;
	char *text;
	size_t n;

	text = file_read(path, &n);
	list.kind = kind;
	assert_int_equal(wd_split_new(WD_SPLIT_LIST, each, &list, &s), 0);
	for (size_t at = 0; at < n; at += 1000)
		assert_int_equal(wd_split_feed(s, text + at, n - at < 1000 ? n - at : 1000), 0);
	assert_int_equal(wd_split_end(s), 0);
	json = wd_split_envelope(s, &n);
	assert_int_equal(wd_parse_envelope(list.parse, json, n, &e, err), 0);
	assert_string_equal(e.kind, list_kind);
	assert_int_equal(e.status.code, 0);
	snprintf(list.resource_version, sizeof(list.resource_version), "%s", e.resource_version);
	snprintf(list.next, sizeof(list.next), "%s", e.next);
	wd_split_free(s);
	free(text);
	wd_buf_putc(&list.text, '\0');
	assert_int_equal(wd_parse_left_out(list.parse), 0);
	return list.text.data;
}

static void has(const char *all, const char *line)
{
	if (!strstr(all, line))
		fail_msg("no \"%s\" in:\n%s", line, all);
}

/* ---- lists of a real server -------------------------------------------------------------- */

static void policies(void **state)
{
	(void)state;
	assert_string_equal(
		list_read(WD_RESOURCE_POLICY, DATA "networkpolicies.json", "NetworkPolicyList"),
		"NetworkPolicy payments/allow-api-from-shop-frontend pods( {app:api}) ingress in< "
		"peer "
		"pods( {app:frontend}) namespaces( {team:shop}) 0-0https/6>\n"
		"NetworkPolicy payments/default-deny pods() ingress\n"
		"NetworkPolicy shop/backend-ipblock pods( {app:backend}) ingress in< peer "
		"block[10.244.0.0/16] except[10.244.0.30/32] 8080-8090/6>\n"
		"NetworkPolicy shop/cart-egress-dns-only pods( {app:cart}) egress out< peer "
		"pods( {k8s-app:kube-dns}) namespaces() 53-0/17 53-0/6>\n");
	assert_string_equal(list.next, "");
}

static void nodes_and_namespaces(void **state)
{
	const char *all = list_read(WD_RESOURCE_NODE, DATA "nodes.json", "NodeList");

	(void)state;
	assert_int_equal(list.n, 2);
	has(all, "Node /aks-nodepool1-12345678-vmss000000 labels{agentpool:nodepool1,"
	         "kubernetes.io/hostname:aks-nodepool1-12345678-vmss000000,"
	         "topology.kubernetes.io/zone:westeurope-1} internal[10.224.0.4] "
	         "cidrs[10.244.0.0/24]\n");
	wd_buf_reset(&list.text);
	all = list_read(WD_RESOURCE_NAMESPACE, DATA "namespaces.json", "NamespaceList");
	has(all, "Namespace /shop labels{kubernetes.io/metadata.name:shop");
}

static void node_network_configs(void **state)
{
	(void)state;
	has(list_read(WD_RESOURCE_NNC, DATA "nodenetworkconfigs.json", "NodeNetworkConfigList"),
	    "NodeNetworkConfig kube-system/aks-nodepool1-12345678-vmss000000 requested=32 "
	    "assigned=32 max=250 status=Updated ( id=559e239d-f744-4f84-bbe0-c7c6fd12ec17 "
	    "mode=dynamic type=vnet status=NCUpdateSuccess subnet=subnet space[10.18.0.0/15] "
	    "primary[10.18.0.3/32] ips[10.18.0.4,10.18.0.5,");
	assert_string_equal(list.resource_version, "672");
}

static void pods_in_pages(void **state)
{
	const char *all;

	(void)state;
	list_read(WD_RESOURCE_POD, SHARED "shop/api/pods-page1.json", "PodList");
	assert_int_equal(list.n, 3);
	assert_int_equal(strncmp(list.next, "eyJ2IjoibWV0YS5rOHMuaW8vdjEi", 28), 0);
	all = list_read(WD_RESOURCE_POD, SHARED "shop/api/pods-page2.json", "PodList");
	assert_non_null(all);
	assert_int_equal(list.n, 6);
	wd_buf_reset(&list.text);
	all = list_read(WD_RESOURCE_POD, SHARED "shop/api/pods.json", "PodList");
	assert_string_equal(list.next, "");
	assert_string_equal(list.resource_version, "368");
	assert_int_equal(list.n, 15);
	has(all, "Pod shop/cart-0 node=aks-nodepool1-12345678-vmss000000 "
	         "uid=5322f0f384374a7ba9bac7bf680e9142 labels{app:cart,");
	has(all, " ips[10.244.0.12] ");
	has(all, " dns:53/17 metrics:9153/6 ready\n");
}

static void services_and_slices(void **state)
{
	const char *all;

	(void)state;
	all = list_read(WD_RESOURCE_SERVICE, SHARED "shop/api/services.json", "ServiceList");
	assert_int_equal(list.n, 12);
	has(all, "Service default/kubernetes type=0 cluster[10.96.0.1] https:443/6>6443@0\n");
	has(all, "Service payments/db-headless type=0 headless ");
	wd_buf_reset(&list.text);
	all = list_read(WD_RESOURCE_SLICE, SHARED "shop/api/endpointslices.json",
	                "EndpointSliceList");
	assert_int_equal(list.n, 12 + 12);
	has(all, "service=orphan");
}

/* ---- every field set --------------------------------------------------------------------- */

static void full(enum wd_resource kind, const char *name, const char *from, const char *to,
                 const char *wanted)
{
	char path[200], *text, *at;
	size_t n;

	snprintf(path, sizeof(path), SHARED "kubernetes-types/full-fields.%s.json", name);
	text = file_read(path, &n);
	while ((at = strstr(text, from))) {
		memmove(at + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1);
		memcpy(at, to, strlen(to));
	}
	list.kind = kind;
	wd_buf_reset(&list.text);
	each(text, strlen(text), &list);
	free(text);
	list.text.len--; /* the newline */
	wd_buf_putc(&list.text, '\0');
	assert_string_equal(list.text.data, wanted);
}

/* The dummy values are no addresses and no protocols; some are put in their place. */
static void every_field(void **state)
{
	(void)state;
	full(WD_RESOURCE_POD, "core.v1.Pod", "protocolValue", "UDP",
	     "Pod namespaceValue/nameValue node=nodeNameValue labels{labelsKey:labelsValue} "
	     "nameValue:3/17 host terminating");
	full(WD_RESOURCE_SERVICE, "core.v1.Service", "protocolValue", "SCTP",
	     "Service namespaceValue/nameValue type=0 nameValue:3/132>0targetPortValue@5 "
	     "selector{selectorKey:selectorValue} name=externalNameValue");
	full(WD_RESOURCE_SLICE, "discovery.k8s.io.v1.EndpointSlice", "addressesValue", "::1",
	     "EndpointSlice namespaceValue/nameValue (::1 ready serving terminating "
	     "node=nodeNameValue)");
	full(WD_RESOURCE_POLICY, "networking.k8s.io.v1.NetworkPolicy", "\"portValue\"", "2",
	     "NetworkPolicy namespaceValue/nameValue pods( {matchLabelsKey:matchLabelsValue} "
	     "keyValue#4,valuesValue) in< peer block[::/0] pods( {matchLabelsKey:matchLabelsValue} "
	     "keyValue#4,valuesValue) namespaces( {matchLabelsKey:matchLabelsValue} "
	     "keyValue#4,valuesValue) unknown 2-3/0> out< peer block[::/0] "
	     "pods( {matchLabelsKey:matchLabelsValue} keyValue#4,valuesValue) "
	     "namespaces( {matchLabelsKey:matchLabelsValue} keyValue#4,valuesValue) unknown "
	     "2-3/0>");
	full(WD_RESOURCE_NAMESPACE, "core.v1.Namespace", "?", "",
	     "Namespace /nameValue labels{labelsKey:labelsValue}");
	full(WD_RESOURCE_NODE, "core.v1.Node", "podCIDRsValue", "fd00::/64",
	     "Node /nameValue labels{labelsKey:labelsValue} cidrs[fd00::/64] "
	     "provider=providerIDValue os=osImageValue kernel=kernelVersionValue "
	     "runtime=containerRuntimeVersionValue kubelet=kubeletVersionValue unschedulable");
}

/* ---- envelopes --------------------------------------------------------------------------- */

static int envelope(const char *json, struct wd_kube_envelope *e)
{
	return wd_parse_envelope(list.parse, json, strlen(json), e, err);
}

static void envelopes(void **state)
{
	struct wd_kube_envelope e;

	(void)state;
	assert_int_equal(envelope("{}", &e), 0);
	assert_string_equal(e.kind, "");
	assert_string_equal(e.next, "");
	assert_string_equal(e.resource_version, "");
	assert_string_equal(e.status.message, "");
	assert_int_equal(envelope("{\"kind\":\"Status\",\"metadata\":{},\"status\":\"Failure\","
	                          "\"message\":\"pods is forbidden\",\"reason\":\"Forbidden\","
	                          "\"details\":{\"kind\":\"pods\",\"retryAfterSeconds\":7},"
	                          "\"code\":403}",
	                          &e),
	                 0);
	assert_int_equal(e.status.code, 403);
	assert_string_equal(e.status.reason, "Forbidden");
	assert_string_equal(e.status.message, "pods is forbidden");
	assert_int_equal(e.status.retry_after_s, 7);
	/* only of a Status */
	assert_int_equal(envelope("{\"kind\":\"PodList\",\"code\":403}", &e), 0);
	assert_int_equal(e.status.code, 0);
	assert_int_equal(envelope("{\"kind\":\"Status\",\"code\":1000}", &e), 0);
	assert_int_equal(e.status.code, 0);
	assert_int_equal(envelope("{\"metadata\":{\"continue\":5}}", &e), -EPROTO);
	assert_string_equal(err, "metadata.continue: not a string");
	assert_int_equal(envelope("<html>", &e), -EPROTO);
	assert_non_null(strstr(err, "not JSON: byte "));
}

/* ---- watch frames ------------------------------------------------------------------------ */

static int on_frame(const char *json, size_t n, void *ctx)
{
	static const char *const types[] = {"ADDED",    "MODIFIED", "DELETED",
	                                    "BOOKMARK", "ERROR",    "?"};
	struct wd_watch_frame f;
	struct list *l = ctx;

	assert_int_equal(wd_parse_frame(l->parse, l->kind, json, n, &f, err), 0);
	wd_buf_printf(&l->text, "%s %s", types[f.type], f.resource_version);
	if (f.readable)
		wd_buf_printf(&l->text, " %s/%s", f.object.pod.ns, f.object.pod.name);
	if (f.type == WD_WATCH_ERROR)
		wd_buf_printf(&l->text, "%d %s", f.status.code, f.status.reason);
	wd_buf_putc(&l->text, '\n');
	return 0;
}

static const char *frames(const char *path)
{
	struct wd_split *s;
	char *text;
	size_t n;

	text = file_read(path, &n);
	list.kind = WD_RESOURCE_POD;
	assert_int_equal(wd_split_new(WD_SPLIT_STREAM, on_frame, &list, &s), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(wd_split_feed(s, text + i, 1), 0);
	assert_int_equal(wd_split_end(s), 0);
	wd_split_free(s);
	free(text);
	wd_buf_putc(&list.text, '\0');
	return list.text.data;
}

static void a_recorded_watch(void **state)
{
	(void)state;
	assert_string_equal(frames(DATA "pods-watch.jsonl"),
	                    "MODIFIED 369 shop/cart-0\n"
	                    "MODIFIED 370 shop/backend-7c9d8f6b5-l4mzq\n"
	                    "MODIFIED 375 payments/db-0\n"
	                    "DELETED 376 payments/db-0\n"
	                    "BOOKMARK 376\n"
	                    "BOOKMARK 376\n");
}

static void a_refused_watch(void **state)
{
	(void)state;
	assert_string_equal(frames(DATA "endpointslices-watchlist.jsonl"),
	                    "ERROR 500 InternalError\n");
}

static int frame(const char *json, struct wd_watch_frame *f)
{
	return wd_parse_frame(list.parse, WD_RESOURCE_POD, json, strlen(json), f, err);
}

static void bookmarks_and_unknown_types(void **state)
{
	struct wd_watch_frame f;

	(void)state;
	assert_int_equal(frame("{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"metadata\":{"
	                       "\"resourceVersion\":\"9\",\"annotations\":{"
	                       "\"k8s.io/initial-events-end\":\"true\"}}}}",
	                       &f),
	                 0);
	assert_int_equal(f.type, WD_WATCH_BOOKMARK);
	assert_true(f.initial_events_end);
	assert_false(f.readable);
	assert_string_equal(f.resource_version, "9");
	assert_int_equal(frame("{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"annotations\":{"
	                       "\"k8s.io/initial-events-end\":\"false\"}}}}",
	                       &f),
	                 0);
	assert_false(f.initial_events_end);
	assert_int_equal(frame("{\"type\":\"LATER\"}", &f), 0);
	assert_int_equal(f.type, WD_WATCH_UNKNOWN);
	assert_string_equal(f.resource_version, "");
	assert_string_equal(f.object.pod.name, "");
}

static void unreadable_objects_are_named(void **state)
{
	struct wd_watch_frame f;

	(void)state;
	assert_int_equal(
		frame("{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"namespace\":\"n\","
	              "\"name\":\"x\",\"resourceVersion\":\"5\"},\"spec\":{\"nodeName\":1}}}",
	              &f),
		0);
	assert_false(f.readable);
	assert_string_equal(f.err, "spec.nodeName: not a string");
	assert_string_equal(f.resource_version, "5");
	assert_int_equal(f.object.kind, WD_RESOURCE_POD);
	assert_string_equal(f.object.pod.ns, "n");
	assert_string_equal(f.object.pod.name, "x");
	assert_string_equal(f.object.pod.node, "");
	assert_int_equal(
		frame("{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":\"a\\u0000\"}}}",
	              &f),
		0);
	assert_false(f.readable);
	assert_string_equal(f.err, "metadata.name: holds a NUL");
	assert_string_equal(f.object.pod.name, "");
}

static void broken_frames(void **state)
{
	static const char *const broken[][2] = {
		{"{}", "type: missing"},
		{"{\"type\":1,\"object\":{}}", "type: not a string"},
		{"{\"type\":\"ADDED\"}", "object: missing"},
		{"{\"type\":\"ADDED\",\"object\":[]}", "object: not an object"},
		{"{\"type\":\"ADDED\",\"object\":{\"metadata\":1}}",
	         "object.metadata: not an object"},
		{"{\"type\":\"ERROR\",\"object\":{\"code\":\"410\"}}",
	         "object.code: not an integer"},
		{"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":1}}}",
	         "object.metadata.resourceVersion: not a string"},
	};
	struct wd_watch_frame f;

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		memset(&f, 0x5a, sizeof(f));
		assert_int_equal(frame(broken[i][0], &f), -EPROTO);
		assert_string_equal(err, broken[i][1]);
		assert_int_equal(f.err[0], 0x5a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(policies, setup, teardown),
		cmocka_unit_test_setup_teardown(nodes_and_namespaces, setup, teardown),
		cmocka_unit_test_setup_teardown(node_network_configs, setup, teardown),
		cmocka_unit_test_setup_teardown(pods_in_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(services_and_slices, setup, teardown),
		cmocka_unit_test_setup_teardown(every_field, setup, teardown),
		cmocka_unit_test_setup_teardown(envelopes, setup, teardown),
		cmocka_unit_test_setup_teardown(a_recorded_watch, setup, teardown),
		cmocka_unit_test_setup_teardown(a_refused_watch, setup, teardown),
		cmocka_unit_test_setup_teardown(bookmarks_and_unknown_types, setup, teardown),
		cmocka_unit_test_setup_teardown(unreadable_objects_are_named, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_frames, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

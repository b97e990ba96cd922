/* SPDX-License-Identifier: Apache-2.0 */
/* Objects, envelopes and watch frames of the API. What is read can be written, and read as the
 * same again. */
#include "fuzz.h"

#include <errno.h>

#include "base/buf.h"
#include "kube/encode.h"
#include "kube/objects.h"
#include "tests/unit/kube/describe.h"
#include "tests/unit/kube/escaped.h"

#define META "\"metadata\":{\"namespace\":\"n\",\"name\":\"x\",\"labels\":{\"a\":\"b\"}}"

WD_FUZZ_TEXT_SEEDS(
	WD_FUZZ_TEXT(
		"{\"kind\":\"Pod\",\"apiVersion\":\"v1\"," META
		",\"spec\":{\"nodeName\":\"k\",\"hostNetwork\":false,\"containers\":[{\"env\":[{}],"
		"\"ports\":"
		"[{\"containerPort\":80,\"protocol\":\"UDP\",\"name\":\"w\"}]}]},\"status\":{"
		"\"phase\":\"Running\",\"podIPs\":[{\"ip\":\"10.0.0.1\"},{\"ip\":\"fd00::1\"}],"
		"\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}"),
	WD_FUZZ_TEXT("{" META ",\"spec\":{\"type\":\"NodePort\",\"clusterIPs\":[\"10.96.0.1\"],"
                     "\"ports\":[{\"port\":80,\"targetPort\":\"w\",\"nodePort\":30000},{\"port\":1,"
                     "\"targetPort\":2}],\"selector\":{\"a\":\"b\"},\"loadBalancerSourceRanges\":["
                     "\"10.1.0.0/8\"]},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":"
                     "\"1.2.3.4\"}]}}}"),
	WD_FUZZ_TEXT(
		"{" META ",\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.0.0.1\"],"
		"\"conditions\":{\"ready\":null},\"targetRef\":{\"kind\":\"Pod\",\"name\":\"p\"}}],"
		"\"ports\":[{\"port\":80,\"name\":\"\"}]}"),
	WD_FUZZ_TEXT(
		"{" META ",\"spec\":{\"podSelector\":{\"matchExpressions\":[{\"key\":\"k\","
		"\"operator\":\"In\",\"values\":[\"v\"]}]},\"ingress\":[{\"from\":[{\"ipBlock\":{"
		"\"cidr\":\"10.0.0.1/8\",\"except\":[\"10.1.0.0/16\"]}},{\"podSelector\":{}}],"
		"\"ports\":[{\"port\":1,\"endPort\":2},{\"port\":\"w\"}]}],\"egress\":[{}]}}"),
	WD_FUZZ_TEXT(
		"{" META ",\"spec\":{\"podCIDRs\":[\"10.244.0.0/24\"]},\"status\":{\"addresses\":["
		"{\"type\":\"InternalIP\",\"address\":\"10.0.0.4\"}],\"nodeInfo\":{\"osImage\":"
		"\"u\"}}}"),
	WD_FUZZ_TEXT(
		"{" META ",\"spec\":{\"requestedIPCount\":3},\"status\":{\"networkContainers\":[{"
		"\"primaryIP\":\"10.0.0.16/28\",\"ipAssignments\":[{\"ip\":\"10.0.0.5\"}]}]}}"),
	WD_FUZZ_TEXT("{\"type\":\"MODIFIED\",\"object\":{" META ",\"spec\":{\"nodeName\":1}}}"),
	WD_FUZZ_TEXT("{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"9\","
                     "\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}"),
	WD_FUZZ_TEXT("{\"kind\":\"Status\",\"code\":429,\"details\":{\"retryAfterSeconds\":1},"
                     "\"metadata\":{\"continue\":\"x\\u0000\"}}"))

static struct wd_parse *parse, *again;
static struct wd_buf first, json, second;
static char err[WD_PARSE_ERRLEN];

static void check_err(void)
{
	WD_FUZZ_CHECK(memchr(err, '\0', sizeof(err)) && err[0]);
	memset(err, 0, sizeof(err));
}

static void same_again(const struct wd_object *o)
{
	struct wd_object back;

	wd_buf_reset(&first);
	wd_buf_reset(&second);
	wd_buf_reset(&json);
	describe(&first, o);
	wd_encode_object(&json, o);
	WD_FUZZ_CHECK(!wd_parse_object(again, o->kind, json.data, json.len, &back, err));
	describe(&second, &back);
	WD_FUZZ_CHECK(!first.err && !second.err && !json.err);
	WD_FUZZ_CHECK(first.len == second.len && !memcmp(first.data, second.data, first.len));
}

/* Where nothing is pruned, the object is the same, or refused for what would have been pruned. */
static void same_unpruned(enum wd_resource kind, const char *p, size_t n)
{
	struct wd_object o;

	wd_buf_reset(&json);
	wd_buf_reset(&second);
	escape_keys(&json, p, n);
	if (json.err || wd_parse_object(again, kind, json.data, json.len, &o, err))
		return;
	describe(&second, &o);
	WD_FUZZ_CHECK(first.len == second.len && !memcmp(first.data, second.data, first.len));
}

static void object(enum wd_resource kind, const char *p, size_t n)
{
	struct wd_object o, before;
	int r;

	memset(&o, 0x5a, sizeof(o));
	before = o;
	r = wd_parse_object(parse, kind, p, n, &o, err);
	WD_FUZZ_CHECK(r == 0 || r == -EPROTO);
	if (r) {
		WD_FUZZ_CHECK(!memcmp(&o, &before, sizeof(o)));
		check_err();
		return;
	}
	WD_FUZZ_CHECK(o.kind == kind && wd_object_name(&o)[0]);
	same_again(&o);
	same_unpruned(kind, p, n);
}

static void frame(enum wd_resource kind, const char *p, size_t n)
{
	struct wd_watch_frame f;

	if (wd_parse_frame(parse, kind, p, n, &f, err)) {
		check_err();
		return;
	}
	WD_FUZZ_CHECK(f.type <= WD_WATCH_UNKNOWN && f.object.kind == kind);
	WD_FUZZ_CHECK(strlen(f.resource_version) < n && strlen(f.status.message) < n);
	WD_FUZZ_CHECK(strlen(wd_object_name(&f.object)) < n);
	if (f.type <= WD_WATCH_DELETED)
		WD_FUZZ_CHECK(f.readable == !f.err[0]);
	if (f.readable)
		same_again(&f.object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	struct wd_kube_envelope e;

	if (!parse) {
		wd_buf_init(&first, 4u << 20);
		wd_buf_init(&second, 4u << 20);
		wd_buf_init(&json, 4u << 20);
		if (wd_parse_new(&parse) || wd_parse_new(&again))
			abort();
	}
	for (int k = 0; k < WD_RESOURCE_MAX; k++)
		object((enum wd_resource)k, p, size);
	frame((enum wd_resource)(size % WD_RESOURCE_MAX), p, size);
	if (wd_parse_envelope(parse, p, size, &e, err))
		check_err();
	else
		WD_FUZZ_CHECK(strlen(e.kind) + strlen(e.next) + strlen(e.resource_version) < size);
	return 0;
}

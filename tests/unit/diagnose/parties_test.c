/* SPDX-License-Identifier: Apache-2.0 */
/* Names from the cluster: they add to what the node knows, and never overrule it in silence. */
#include "asking.h"

static struct wd_who who;

static void name(struct wd_who_pod *p, const char *pod, enum wd_source source)
{
	strcpy(p->ref.ns, "payments");
	strcpy(p->ref.name, pod);
	strcpy(p->node, "n2");
	p->source = source;
	p->claims = 1;
}

static void nobody(struct situation *s)
{
	memset(&who, 0, sizeof(who));
	for (unsigned int i = 0; i < WD_RESOURCE_MAX; i++)
		who.age_ms[i] = UINT64_MAX;
	s->in.who = &who;
}

static void unnamed(struct situation *s)
{
	memset(&s->facts.client.pod, 0, sizeof(s->facts.client.pod));
	s->facts.client.host = false;
}

static void service(struct situation *s)
{
	nobody(s);
	strcpy(who.service.ns, "payments");
	strcpy(who.service.name, "api");
	strcpy(who.service.port, "https");
	who.service.endpoints_known = who.service.backend_known = true;
	who.service.ready = who.service.endpoints = 2;
	who.service.backend_is_endpoint = who.service.backend_ready = true;
	who.age_ms[WD_RESOURCE_SERVICE] = 120;
}

static void no_endpoints(struct situation *s)
{
	service(s);
	who.service.ready = who.service.endpoints = 0;
	who.service.backend_known = false;
}

static void stale(struct situation *s)
{
	service(s);
	who.service.backend_is_endpoint = false;
	who.service.source = WD_SOURCE_NODE;
}

static void other_port(struct situation *s)
{
	service(s);
	who.service.port_undefined = true;
	who.service.endpoints_known = who.service.backend_known = false;
}

static void same_client(struct situation *s)
{
	nobody(s);
	who.client.ref = s->facts.client.pod;
	strcpy(who.client.node, "n1");
	who.client.claims = 1;
}

static void other_client(struct situation *s)
{
	nobody(s);
	name(&who.client, "stranger-1", WD_SOURCE_API);
}

static void host_client(struct situation *s)
{
	other_client(s);
	s->facts.client.host_known = s->facts.client.host = true;
	memset(&s->facts.client.pod, 0, sizeof(s->facts.client.pod));
}

static void claimed_twice(struct situation *s)
{
	nobody(s);
	who.client.claims = 2;
}

static void api_trouble(struct situation *s)
{
	service(s);
	who.api_server = true;
	strcpy(who.api_name, "x.azmk8s.io");
	s->in.api_trouble = "whydrop's own connection failed";
}

static void api_trouble_elsewhere(struct situation *s)
{
	api_trouble(s);
	who.api_server = false;
}

static void test_service(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, service);

	(void)state;
	assert_string_equal(f.target.service, "api");
	assert_string_equal(f.target.service_ns, "payments");
	assert_string_equal(f.target.service_port, "https");
	assert_false(f.target.api_server);
	assert_false(says(&f, "no ready endpoint"));
	assert_false(says(&f, "is no endpoint of"));
	assert_int_equal(f.n_states, 1);
	assert_string_equal(f.state[0].what, "services");
	assert_int_equal(f.state[0].age_ms, 120);
	f = ask(tcp, timed_out, no_endpoints);
	assert_true(says(&f, "Service payments/api has no ready endpoint for this port, of 0 (as "
	                     "the API says)"));
	f = ask(tcp, timed_out, nat, stale);
	assert_true(says(&f, "is no endpoint of Service payments/api (as kube-proxy's rules"));
	f = ask(tcp, timed_out, other_port);
	assert_true(says(&f, "has this address, but no port"));
}

/* What the cluster says is told, and is no cause by itself. */
static void test_names_are_no_witnesses(void **state)
{
	struct wd_finding without = ask(tcp, timed_out), with;
	enum wd_cause cause = without.cause;
	enum wd_confidence sure = without.confidence;

	(void)state;
	with = ask(tcp, timed_out, no_endpoints);
	assert_int_equal(with.cause, cause);
	assert_int_equal(with.confidence, sure);
}

static void test_client(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, same_client);

	(void)state;
	assert_string_equal(f.client.pod.name, "cart-0");
	assert_string_equal(f.client.node, "n1");
	/* the node knows better, and the difference is news */
	f = ask(tcp, timed_out, other_client);
	assert_string_equal(f.client.pod.name, "cart-0");
	assert_null(f.client.node);
	assert_true(says(
		&f,
		"belongs to shop/cart-0 on this node, but to payments/stranger-1 as the API says"));
	f = ask(tcp, timed_out, unnamed, other_client);
	assert_string_equal(f.client.pod.name, "stranger-1");
	/* whoever runs in the node's own namespace has its address */
	f = ask(tcp, timed_out, host_client);
	assert_string_equal(f.client.pod.name, "");
	f = ask(tcp, timed_out, unnamed, claimed_twice);
	assert_string_equal(f.client.pod.name, "");
	assert_true(says(&f, "2 pods have the address"));
}

/* A Service's address listens nowhere: that its backend is not known must not make it one. */
static void test_refused_by_an_unknown_backend(void **state)
{
	struct wd_finding f = ask(tcp, refused, rst_received, service);

	(void)state;
	assert_cause(f, "backend-not-listening");
	assert_true(f.confidence != WD_CONFIDENCE_CERTAIN);
	assert_non_null(strstr(f.summary, "a backend of Service payments/api refuses"));
	assert_null(strstr(f.summary, "is there"));
	f = ask(tcp, refused, rst_received, nobody);
	assert_non_null(strstr(f.summary, "is there"));
}

static void test_api_server(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, api_trouble);

	(void)state;
	assert_true(f.target.api_server);
	assert_string_equal(f.target.name, "x.azmk8s.io");
	assert_true(says(&f, "whydrop's own connection failed"));
	f = ask(tcp, timed_out, api_trouble_elsewhere);
	assert_false(says(&f, "whydrop's own connection failed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_service),
		cmocka_unit_test(test_names_are_no_witnesses),
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_refused_by_an_unknown_backend),
		cmocka_unit_test(test_api_server),
	};

	return cmocka_run_group_tests(tests, arena_open, arena_close);
}

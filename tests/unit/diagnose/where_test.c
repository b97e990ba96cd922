/* SPDX-License-Identifier: Apache-2.0 */
/* Where the packets went: what the hooks saw decides, and when it does not. */
#include "asking.h"

enum { CLIENT = 11, BACKEND = 12, UPLINK = 2, OTHER = 3, STRANGE = 9 };

static struct wd_flow_path path;
static struct wd_watch_fact watch;

/* ---- what the hooks could see ------------------------------------------------------------ */

static void device(struct wd_path_device *d, uint32_t ifindex, const char *name)
{
	d->ifindex = ifindex;
	strcpy(d->name, name);
}

static void watched(uint32_t ifindex, const char *name, uint64_t since_ns)
{
	struct wd_watched *w = &watch.v[watch.n++];

	*w = (struct wd_watched){.ifindex = ifindex, .since_ns = since_ns};
	strcpy(w->device, name);
}

/* A pod's SYNs at 0, 1 and 2 s; all devices of its way are watched from the start. */
static void hooks(struct situation *s)
{
	memset(&path, 0, sizeof(path));
	memset(&watch, 0, sizeof(watch));
	s->in.watch = &watch;
	s->flow.n_syns = 3;
	for (unsigned int i = 0; i < 3; i++)
		s->flow.syn_ns[i] = (1000 + i) * SEC;
	watch.wanted = watch.nat_known = true;
	watch.path.known = watch.path.client_here = true;
	device(&watch.path.client, CLIENT, "veth1");
	device(&watch.path.uplink, UPLINK, "eth0");
	device(&watch.path.outward[0], UPLINK, "eth0");
	watch.path.n_outward = 1;
	watch.path.has_via = true;
	watch.path.via = addr("198.18.0.1");
	watched(CLIENT, "veth1", 900 * SEC);
	watched(UPLINK, "eth0", 900 * SEC);
}

/* The same for a backend on this node. */
static void hooks_local(struct situation *s)
{
	hooks(s);
	watch.n = 1;
	watch.path.backend_here = true;
	memset(&watch.path.uplink, 0, sizeof(watch.path.uplink));
	device(&watch.path.backend, BACKEND, "veth2");
	watched(BACKEND, "veth2", 900 * SEC);
}

static void from_host(struct situation *s)
{
	s->facts.client.host = true;
	s->facts.client.pod.name[0] = '\0';
	watch.path.client_here = false;
	watch.path.client_host = true;
	memset(&watch.path.client, 0, sizeof(watch.path.client));
	watch.v[0] = watch.v[--watch.n];
}

static void since_last_syn(struct situation *s)
{
	(void)s;
	for (unsigned int i = 0; i < watch.n; i++)
		watch.v[i].since_ns = 1001 * SEC + 50 * WD_NSEC_PER_MSEC;
}

static void since_too_late(struct situation *s)
{
	(void)s;
	for (unsigned int i = 0; i < watch.n; i++)
		watch.v[i].since_ns = 1002 * SEC;
}

static void records_lost(struct situation *s)
{
	(void)s;
	watch.lost = 1;
}

static void not_kept(struct situation *s)
{
	s->flow.path_since_ns = 1002 * SEC;
}

static void others_there(struct situation *s)
{
	(void)s;
	for (unsigned int i = 0; i < watch.n; i++)
		watch.v[i].foreign = true;
}

static void nat_unknown(struct situation *s)
{
	(void)s;
	watch.nat_known = false;
}

static void nat_watched_late(struct situation *s)
{
	(void)s;
	watch.since_ns = 1002 * SEC;
}

static void no_device_of_the_pod(struct situation *s)
{
	(void)s;
	memset(&watch.path.client, 0, sizeof(watch.path.client));
	watch.v[0] = watch.v[--watch.n];
}

static void second_way(struct situation *s)
{
	(void)s;
	device(&watch.path.outward[watch.path.n_outward++], OTHER, "eth1");
}

static void second_way_watched(struct situation *s)
{
	second_way(s);
	watched(OTHER, "eth1", 900 * SEC);
}

static void cannot_attach(struct situation *s)
{
	hooks(s);
	watch.n = 0;
	watch.failed = true;
}

static void renamed_since(struct situation *s)
{
	(void)s;
	strcpy(watch.v[1].device, "before");
	strcpy(watch.path.uplink.name, "before");
}

/* ---- what they saw ----------------------------------------------------------------------- */

static struct wd_flow_sight *sight(struct situation *s, uint32_t ifindex, const char *name,
                                   enum wd_sight where)
{
	struct wd_flow_sight *p = &path.v[path.n++];

	s->flow.path = &path;
	p->ifindex = ifindex;
	strcpy(p->device, name);
	p->sight = where;
	p->first_ns = 1000 * SEC;
	p->last_ns = 1002 * SEC;
	return p;
}

static void syns(struct situation *s, uint32_t ifindex, const char *name, enum wd_sight where)
{
	struct wd_flow_sight *p = sight(s, ifindex, name, where);

	p->syn = 3;
	p->syn_ns = 1002 * SEC;
	p->asked = s->flow.tuple;
}

static void came_from_pod(struct situation *s)
{
	syns(s, CLIENT, "veth1", WD_SIGHT_IN);
}

static void left(struct situation *s)
{
	syns(s, UPLINK, "eth0", WD_SIGHT_OUT);
}

static void left_masqueraded(struct situation *s)
{
	left(s);
	path.v[path.n - 1].asked.saddr = addr("198.18.0.10");
	path.v[path.n - 1].asked.sport = 61000;
}

/* Seen at a device that nobody says leads out: another pod's, of a bridge that floods. */
static void seen_at_stranger(struct situation *s)
{
	syns(s, STRANGE, "veth9", WD_SIGHT_OUT);
}

static void left_by_another(struct situation *s)
{
	device(&watch.path.outward[watch.path.n_outward++], STRANGE, "eth7");
	syns(s, STRANGE, "eth7", WD_SIGHT_OUT);
}

/* Somebody took them away; they were last seen there just after the second SYN. */
static void taken_away(struct situation *s)
{
	(void)s;
	for (unsigned int i = 0; i < watch.n; i++)
		watch.v[i].until_ns = 1001 * SEC + 100 * WD_NSEC_PER_MSEC;
}

static void by_tunnel(struct situation *s)
{
	left(s);
	watch.path.uplink.tunnel = watch.path.outward[0].tunnel = true;
}

static void too_many_devices(struct situation *s)
{
	(void)s;
	path.beyond = 1;
}

static void reached_backend(struct situation *s)
{
	syns(s, BACKEND, "veth2", WD_SIGHT_OUT);
}

static void once(struct situation *s)
{
	for (unsigned int i = 0; i < path.n; i++)
		path.v[i].syn = 1;
	(void)s;
}

static struct wd_flow_sight *answer(struct situation *s, uint32_t ifindex, const char *name,
                                    enum wd_sight where)
{
	struct wd_flow_sight *p = sight(s, ifindex, name, where);

	p->answer_ns = 1001 * SEC;
	p->ttl = 61;
	return p;
}

static void answer_came(struct situation *s)
{
	answer(s, UPLINK, "eth0", WD_SIGHT_IN)->syn_ack = 3;
}

static void answer_came_elsewhere(struct situation *s)
{
	answer(s, OTHER, "eth1", WD_SIGHT_IN)->syn_ack = 3;
}

static void answer_before_tc(struct situation *s)
{
	answer(s, UPLINK, "eth0", WD_SIGHT_XDP)->syn_ack = 3;
}

static void backend_answered(struct situation *s)
{
	answer(s, BACKEND, "veth2", WD_SIGHT_IN)->syn_ack = 3;
}

static void answer_delivered(struct situation *s)
{
	answer(s, CLIENT, "veth1", WD_SIGHT_OUT)->syn_ack = 3;
}

static void rst_came(struct situation *s)
{
	answer(s, UPLINK, "eth0", WD_SIGHT_IN)->rst = 1;
}

static void icmp_came(struct situation *s)
{
	struct wd_flow_sight *p = answer(s, UPLINK, "eth0", WD_SIGHT_IN);

	p->icmp = 1;
	p->icmp_type = 3;
	p->icmp_code = 13;
	p->icmp_from = addr("203.0.113.9");
}

static void icmp_of_this_node(struct situation *s)
{
	answer(s, CLIENT, "veth1", WD_SIGHT_OUT)->icmp = 1;
}

static void too_late(struct situation *s)
{
	s->flow.path = &path;
	path.late = 1;
}

/* ---- the four places --------------------------------------------------------------------- */

#define assert_answer(f, c, sure)                       \
	do {                                            \
		assert_cause(f, c);                     \
		assert_int_equal((f).confidence, sure); \
	} while (0)

#define SURE   WD_CONFIDENCE_CERTAIN
#define LIKELY WD_CONFIDENCE_LIKELY
#define MAYBE  WD_CONFIDENCE_POSSIBLE

static void test_never_left_the_pod(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, hooks);

	(void)state;
	assert_answer(f, "unknown", MAYBE);
	assert_true(says(&f, "never leave pod shop/cart-0"));
	assert_true(says(&f, "saw none of the last 3"));
	assert_non_null(strstr(f.where, "before its device: veth1"));
	assert_int_equal(f.n_path, 4);
	assert_string_equal(f.path[0].role, "client");
	assert_int_equal(f.path[0].syn, 0);
	assert_int_equal(f.path[0].watched_ms, 3100);
}

static void test_left_the_node(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, hooks, came_from_pod, left_masqueraded);

	(void)state;
	assert_answer(f, "upstream-silent", SURE);
	assert_non_null(strstr(f.where, "left this node by eth0 at "));
	assert_true(says(&f, "3 SYN as 198.18.0.10:61000"));
	assert_true(says(&f, "the next hop is 198.18.0.1 by eth0"));
	assert_true(says(&f, "they see is 198.18.0.10"));
	assert_string_equal(f.path[2].role, "uplink");
	assert_true(f.path[3].out);
	assert_int_equal(f.path[3].syn, 3);
	f = ask(tcp, timed_out, hooks, came_from_pod, left, once);
	assert_answer(f, "upstream-silent", LIKELY);
	f = ask(tcp, timed_out, hooks, from_host, left);
	assert_answer(f, "upstream-silent", SURE);
}

static void test_reached_the_backend(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, local_backend, listens, hooks_local,
	                          came_from_pod, reached_backend);

	(void)state;
	assert_answer(f, "backend-silent", SURE);
	assert_non_null(strstr(f.where, "by veth2 at "));
	f = ask(tcp, timed_out, local_backend, hooks_local, came_from_pod, reached_backend);
	assert_answer(f, "backend-silent", LIKELY);
	/* a full queue says more */
	f = ask(tcp, timed_out, listens, queue_waits, overflows_grew, hooks_local, came_from_pod,
	        reached_backend);
	assert_cause(f, "backend-accept-queue-full");
}

static void test_answer_was_lost_here(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, hooks, came_from_pod, left, answer_came);

	(void)state;
	assert_answer(f, "unknown", MAYBE);
	assert_true(says(&f, "between eth0 and veth1"));
	assert_true(says(&f, "SYN-ACK came in"));
	f = ask(tcp, timed_out, local_backend, hooks_local, came_from_pod, reached_backend,
	        backend_answered);
	assert_answer(f, "unknown", MAYBE);
	assert_true(says(&f, "between veth2 and veth1"));
	f = ask(tcp, timed_out, hooks, came_from_pod, left, answer_came, answer_delivered);
	assert_answer(f, "unknown", MAYBE);
	assert_true(says(&f, "behind veth1: the node handed it the answer"));
	/* with a drop, that is the cause; the path remains */
	f = ask(tcp, timed_out, hooks, came_from_pod, left, answer_came, rp_filtered, is_synack);
	assert_cause(f, "reverse-path-filter");
	assert_true(f.n_path > 0);
	/* a drop without a reason of one more SYN is not */
	f = ask(tcp, timed_out, hooks, came_from_pod, left, answer_came, unspecified_drop);
	assert_true(says(&f, "lost in this node"));
}

static void test_lost_inside(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, hooks, came_from_pod);

	(void)state;
	assert_answer(f, "unknown", MAYBE);
	assert_non_null(strstr(f.where, "this node, between veth1 and eth0"));
	f = ask(tcp, timed_out, local_backend, hooks_local, came_from_pod);
	assert_non_null(strstr(f.where, "this node, between veth1 and veth2"));
	f = ask(tcp, timed_out, hooks, from_host);
	assert_non_null(strstr(f.where, "this node, before eth0"));
}

static void test_who_refused(void **state)
{
	struct wd_finding f = ask(tcp, refused, rst_received, hooks, rst_came);

	(void)state;
	assert_answer(f, "backend-not-listening", LIKELY);
	assert_true(says(&f, "RST came in by eth0 (TTL 61): not made on this node"));
	f = ask(tcp, refused, hooks, icmp_came);
	assert_answer(f, "filter-denied", SURE);
	assert_true(says(&f, "at 203.0.113.9"));
	assert_true(says(&f, "ICMP type 3 code 13 from 203.0.113.9 came in by eth0"));
	f = ask(tcp, unreachable, hooks, icmp_came);
	assert_answer(f, "backend-unreachable", SURE);
	assert_true(says(&f, "203.0.113.9, a router or firewall beyond this node"));
	/* made here: it only went out to the pod */
	f = ask(tcp, refused, hooks, icmp_of_this_node);
	assert_false(says(&f, "not made on this node"));
	f = ask(tcp, refused, rst_received, hooks);
	assert_false(says(&f, "not made on this node"));
}

/* ---- what must not mislead --------------------------------------------------------------- */

static void assert_no_claim(const struct wd_finding *f)
{
	assert_false(says(f, "never leave"));
	assert_false(says(f, "lost inside"));
	assert_false(says(f, "leaves this node"));
}

static void test_absence_needs_a_syn_while_watched(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, hooks, since_last_syn);

	(void)state;
	assert_true(says(&f, "saw none of the last 1"));
	assert_true(f.path[0].watched_ms < 3000);
	f = ask(tcp, timed_out, hooks, since_too_late);
	assert_answer(f, "upstream-silent", MAYBE);
	assert_no_claim(&f);
	f = ask(tcp, timed_out, hooks, not_kept);
	assert_no_claim(&f);
}

static void test_absence_needs_every_record(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, hooks, records_lost);

	(void)state;
	assert_no_claim(&f);
	assert_true(says(&f, "1 records of the packet hooks were lost"));
	/* that it was seen remains a fact, but not that nothing came back */
	f = ask(tcp, timed_out, hooks, came_from_pod, left, records_lost);
	assert_answer(f, "upstream-silent", LIKELY);
}

static void test_programs_of_others(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, hooks, others_there);

	(void)state;
	assert_no_claim(&f);
	assert_true(says(&f, "programs of others are at tc of veth1"));
	/* redirected past the host side of the backend */
	f = ask(tcp, timed_out, local_backend, hooks_local, came_from_pod, others_there);
	assert_no_claim(&f);
	f = ask(tcp, timed_out, hooks, came_from_pod, left, others_there);
	assert_answer(f, "upstream-silent", LIKELY);
	/* between the driver and tc */
	f = ask(tcp, timed_out, hooks, came_from_pod, left, answer_before_tc);
	assert_true(says(&f, "lost in this node"));
	assert_true(says(&f, "XDP saw 3 SYN-ACK come in"));
}

static void test_nat_that_is_not_known(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, hooks, came_from_pod, nat_unknown);

	(void)state;
	assert_answer(f, "unknown", MAYBE);
	assert_no_claim(&f);
	assert_true(says(&f, "connection tracking does not know this connection"));
	/* nor of what was let through only after it was sent */
	f = ask(tcp, timed_out, hooks, came_from_pod, nat_watched_late);
	assert_no_claim(&f);
	/* at the pod's own device nothing is translated yet */
	f = ask(tcp, timed_out, hooks, nat_unknown);
	assert_true(says(&f, "never leave pod shop/cart-0"));
}

/* What leaves by a tunnel is in another packet, whose fate on this node was not watched. */
static void test_tunnel(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, hooks, came_from_pod, by_tunnel);

	(void)state;
	assert_answer(f, "upstream-silent", LIKELY);
	assert_null(strstr(f.where, "left this node"));
	assert_false(says(&f, "leaves this node"));
	assert_true(says(&f, "ip -d link show eth0"));
}

static void soft_icmp_came(struct situation *s)
{
	icmp_came(s);
	s->flow.err = 0;
}

/* A router's ICMP error is no answer of the target, and the client may have gone on. */
static void test_icmp_is_not_the_targets_answer(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, hooks, came_from_pod, left, soft_icmp_came);

	(void)state;
	assert_false(says(&f, "lost in this node"));
	assert_false(says(&f, "nothing comes back"));
	assert_cause(f, "upstream-silent");
	assert_true(says(&f, "only an ICMP error comes back"));
	assert_true(says(&f, "of 203.0.113.9 came by eth0"));
}

static void test_taken_away(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, hooks, came_from_pod, left, taken_away);

	(void)state;
	assert_answer(f, "upstream-silent", LIKELY);
}

/* A device that saw the packet may be one of those for which there was no room. */
static void test_cut_list_proves_nothing(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, hooks, came_from_pod, left, too_many_devices);

	(void)state;
	assert_answer(f, "upstream-silent", LIKELY);
	f = ask(tcp, timed_out, hooks_local, came_from_pod, reached_backend, too_many_devices);
	assert_answer(f, "backend-silent", LIKELY);
}

static void test_wrong_device(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, hooks, came_from_pod, left_by_another);

	(void)state;
	assert_cause(f, "upstream-silent");
	assert_true(says(&f, "leads out by eth0, but it left by eth7"));
	f = ask(tcp, timed_out, hooks, came_from_pod, seen_at_stranger);
	assert_no_claim(&f);
	/* a way that nobody watches may be the one that it took */
	f = ask(tcp, timed_out, hooks, second_way, came_from_pod);
	assert_no_claim(&f);
	f = ask(tcp, timed_out, hooks, second_way, came_from_pod, left);
	assert_answer(f, "upstream-silent", LIKELY);
	f = ask(tcp, timed_out, hooks, second_way_watched, came_from_pod, left);
	assert_answer(f, "upstream-silent", SURE);
	/* the answer came by it */
	f = ask(tcp, timed_out, hooks, second_way_watched, came_from_pod, left,
	        answer_came_elsewhere);
	assert_true(says(&f, "came in by eth1"));
	f = ask(tcp, timed_out, hooks, renamed_since, came_from_pod, left);
	assert_non_null(strstr(f.where, "left this node by eth0"));
}

static void test_pod_without_device(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, hooks, no_device_of_the_pod);

	(void)state;
	assert_no_claim(&f);
	f = ask(tcp, timed_out, hooks, no_device_of_the_pod, left);
	assert_answer(f, "upstream-silent", SURE);
	assert_true(says(&f, "has no device of its own on the node"));
}

static void test_answer_after_the_end(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, hooks, came_from_pod, left, too_late);

	(void)state;
	assert_true(says(&f, "an answer came after the client had given up"));
	assert_int_equal(f.confidence, LIKELY);
}

static void test_hooks_that_cannot_be_had(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, cannot_attach);

	(void)state;
	assert_answer(f, "upstream-silent", MAYBE);
	assert_int_equal(f.n_missing_probes, 1);
	assert_string_equal(f.missing_probes[0], "packet hooks");
	f = ask(tcp, timed_out, cannot_attach, filtered);
	assert_int_equal(f.n_missing_probes, 0);
	f = ask(tcp, refused, rst_received, cannot_attach);
	assert_int_equal(f.n_missing_probes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_never_left_the_pod),
		cmocka_unit_test(test_left_the_node),
		cmocka_unit_test(test_reached_the_backend),
		cmocka_unit_test(test_answer_was_lost_here),
		cmocka_unit_test(test_lost_inside),
		cmocka_unit_test(test_who_refused),
		cmocka_unit_test(test_absence_needs_a_syn_while_watched),
		cmocka_unit_test(test_absence_needs_every_record),
		cmocka_unit_test(test_programs_of_others),
		cmocka_unit_test(test_nat_that_is_not_known),
		cmocka_unit_test(test_wrong_device),
		cmocka_unit_test(test_tunnel),
		cmocka_unit_test(test_taken_away),
		cmocka_unit_test(test_cut_list_proves_nothing),
		cmocka_unit_test(test_icmp_is_not_the_targets_answer),
		cmocka_unit_test(test_pod_without_device),
		cmocka_unit_test(test_answer_after_the_end),
		cmocka_unit_test(test_hooks_that_cannot_be_had),
	};

	return cmocka_run_group_tests(tests, arena_open, arena_close);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What the packet hooks saw, joined to attempts. */
#include "scene.h"

#define VETH 11
#define ETH0 2
#define ISN  0x1000u

static struct wd_event seen(struct wd_tuple packet, uint64_t ms, uint32_t ifindex,
                            enum wd_sight sight, uint8_t flags)
{
	struct wd_event e = {.kind = WD_EVENT_PACKET, .ts_ns = at(ms), .tuple = packet};

	e.packet.sight = sight;
	e.packet.ifindex = ifindex;
	e.packet.tcp_flags = flags;
	e.packet.ttl = 63;
	if (flags == SYN)
		e.packet.seq = ISN;
	else
		e.packet.ack = ISN + 1;
	strcpy(e.packet.device, ifindex == VETH ? "veth1" : "eth0");
	return e;
}

static struct wd_event seen_ct(struct wd_event e, struct wd_tuple orig, struct wd_tuple reply)
{
	e.packet.has_ct = true;
	e.packet.ct_orig = orig;
	e.packet.ct_reply = reply;
	return e;
}

static const struct wd_flow_sight *place(const struct wd_flow *f, uint32_t ifindex,
                                         enum wd_sight sight)
{
	for (unsigned int i = 0; f->path && i < f->path->n; i++)
		if (f->path->v[i].ifindex == ifindex && f->path->v[i].sight == sight)
			return &f->path->v[i];
	return NULL;
}

static unsigned int syns(const struct wd_flow *f, uint32_t ifindex, enum wd_sight sight)
{
	const struct wd_flow_sight *s = place(f, ifindex, sight);

	return s ? s->syn : 0;
}

/* The attempt as the table has it; the words of a scene are copies. */
static const struct wd_flow *flow_of(struct scene *s, const struct attempt *a)
{
	const struct wd_flow *f = wd_flow_table_by_sock(s->t, a->sock);

	assert_non_null(f);
	return f;
}

static void test_first_syn_waits_for_its_attempt(void **state)
{
	struct attempt a = dial_service(0);
	const struct wd_flow *f;
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, seen(a.tuple, 0, VETH, WD_SIGHT_IN, SYN));
	play(&s, seen(a.tuple, 0, ETH0, WD_SIGHT_OUT, SYN));
	play(&s, syn_repeated(&a, 1000, 2));
	play(&s, seen(a.tuple, 1000, VETH, WD_SIGHT_IN, SYN));
	f = flow_of(&s, &a);
	assert_int_equal(syns(f, VETH, WD_SIGHT_IN), 2);
	assert_int_equal(syns(f, ETH0, WD_SIGHT_OUT), 1);
	assert_int_equal(f->path->n, 2);
	assert_int_equal(place(f, VETH, WD_SIGHT_IN)->first_ns, at(0));
	assert_int_equal(place(f, VETH, WD_SIGHT_IN)->syn_ns, at(1000));
	assert_int_equal(f->path_since_ns, 0);
	/* connect, and the repetition */
	assert_int_equal(f->n_syns, 2);
	assert_int_equal(f->syn_ns[0], at(0));
	assert_int_equal(f->syn_ns[1], at(1000));
	scene_close(&s);
}

static void test_answer_by_reversed_tuple(void **state)
{
	struct attempt a = dial_service(0);
	const struct wd_flow_sight *p;
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, syn_repeated(&a, 1000, 2));
	play(&s, seen(wd_tuple_reverse(&a.tuple), 1010, ETH0, WD_SIGHT_IN, SYN_ACK));
	play(&s, seen(wd_tuple_reverse(&a.tuple), 1020, ETH0, WD_SIGHT_IN, RST_ACK));
	/* the client's own reset answers nothing */
	play(&s, seen(a.tuple, 1030, ETH0, WD_SIGHT_OUT, 0x04));
	p = place(flow_of(&s, &a), ETH0, WD_SIGHT_IN);
	assert_non_null(p);
	assert_int_equal(p->syn_ack, 1);
	assert_int_equal(p->rst, 1);
	assert_int_equal(p->ttl, 63);
	assert_int_equal(p->answer_ns, at(1020));
	assert_int_equal(place(flow_of(&s, &a), ETH0, WD_SIGHT_OUT)->rst, 0);
	scene_close(&s);
}

static void test_masquerade_with_another_port_by_conntrack(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_tuple out = tuple(WD_PROTO_TCP, "198.18.0.10", 61000, "10.96.0.1", 443);
	struct wd_tuple reply = wd_tuple_reverse(&out);
	const struct wd_flow *f;
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, seen(out, 0, ETH0, WD_SIGHT_OUT, SYN));
	play(&s, syn_repeated(&a, 1000, 2));
	f = flow_of(&s, &a);
	assert_null(f->path);
	wd_flow_table_nat(s.t, wd_flow_table_by_sock(s.t, a.sock), &reply);
	assert_int_equal(syns(f, ETH0, WD_SIGHT_OUT), 1);
	play(&s, seen(reply, 1010, ETH0, WD_SIGHT_IN, SYN_ACK));
	assert_int_equal(place(f, ETH0, WD_SIGHT_IN)->syn_ack, 1);
	assert_int_equal(place(f, ETH0, WD_SIGHT_OUT)->asked.sport, 61000);
	/* only the source was translated */
	assert_false(f->has_backend);
	scene_close(&s);
}

static void test_dnat_names_the_backend(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_tuple out = tuple(WD_PROTO_TCP, "10.244.0.5", 40000, "10.244.1.20", 8443);
	struct wd_tuple reply = wd_tuple_reverse(&out);
	struct wd_flow *f;
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, syn_repeated(&a, 1000, 2));
	f = wd_flow_table_by_sock(s.t, a.sock);
	wd_flow_table_nat(s.t, f, &reply);
	wd_flow_table_nat(s.t, f, &reply);
	assert_true(f->has_reply && f->has_backend && !f->backend_inferred);
	assert_int_equal(f->backend_port, 8443);
	play(&s, seen(out, 2000, VETH, WD_SIGHT_OUT, SYN));
	play(&s, seen(reply, 2001, VETH, WD_SIGHT_IN, SYN_ACK));
	assert_int_equal(syns(f, VETH, WD_SIGHT_OUT), 1);
	assert_int_equal(place(f, VETH, WD_SIGHT_IN)->syn_ack, 1);
	scene_close(&s);
}

static void test_conntrack_of_the_packet(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_tuple out = tuple(WD_PROTO_TCP, "198.18.0.10", 61000, "10.244.1.20", 8443);
	struct wd_tuple reply = wd_tuple_reverse(&out);
	const struct wd_flow *f;
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, seen_ct(seen(out, 0, ETH0, WD_SIGHT_OUT, SYN), a.tuple, reply));
	play(&s, syn_repeated(&a, 1000, 2));
	f = flow_of(&s, &a);
	assert_int_equal(syns(f, ETH0, WD_SIGHT_OUT), 1);
	/* what comes in is not tracked yet: known by the name that was learned */
	play(&s, seen(reply, 1010, ETH0, WD_SIGHT_IN, SYN_ACK));
	assert_int_equal(place(f, ETH0, WD_SIGHT_IN)->syn_ack, 1);
	scene_close(&s);
}

/* NAT that conntrack does not know (BPF, IPVS): the SYN's number stays. */
static void test_unknown_nat_by_sequence_number(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_tuple out = tuple(WD_PROTO_TCP, "198.18.0.10", 61000, "10.244.1.20", 8443);
	struct wd_event other = seen(out, 5, ETH0, WD_SIGHT_OUT, SYN);
	const struct wd_flow *f;
	struct scene s;

	(void)state;
	other.tuple.sport = 61001;
	other.packet.seq = ISN + 77;
	scene_open(&s);
	play(&s, seen(out, 0, ETH0, WD_SIGHT_OUT, SYN));
	play(&s, other);
	play(&s, seen(a.tuple, 0, VETH, WD_SIGHT_IN, SYN));
	play(&s, syn_repeated(&a, 1000, 2));
	f = flow_of(&s, &a);
	assert_int_equal(syns(f, VETH, WD_SIGHT_IN), 1);
	assert_int_equal(syns(f, ETH0, WD_SIGHT_OUT), 1);
	play(&s, seen(wd_tuple_reverse(&out), 1010, ETH0, WD_SIGHT_IN, SYN_ACK));
	assert_int_equal(place(f, ETH0, WD_SIGHT_IN)->syn_ack, 1);
	scene_close(&s);
}

/* A port is used again: the SYN of the next attempt is not the last one's. */
static void test_two_attempts_with_one_tuple(void **state)
{
	struct attempt a = dial_service(0), b = dial_service(3000);
	struct wd_event next = seen(a.tuple, 3000, VETH, WD_SIGHT_IN, SYN);
	struct scene s;

	(void)state;
	b.sock++;
	next.packet.seq = ISN + 5;
	scene_open(&s);
	play(&s, seen(a.tuple, 0, VETH, WD_SIGHT_IN, SYN));
	play(&s, syn_repeated(&a, 1000, 2));
	assert_int_equal(syns(flow_of(&s, &a), VETH, WD_SIGHT_IN), 1);
	play(&s, gave_up(&a, 2500, 2, 0));
	play(&s, next);
	play(&s, syn_repeated(&b, 4000, 2));
	next.ts_ns = at(4000);
	play(&s, next);
	/* nor is an answer to the last one the next one's */
	play(&s, seen(wd_tuple_reverse(&a.tuple), 4100, ETH0, WD_SIGHT_IN, SYN_ACK));
	assert_int_equal(syns(flow_of(&s, &b), VETH, WD_SIGHT_IN), 2);
	assert_null(place(flow_of(&s, &b), ETH0, WD_SIGHT_IN));
	scene_close(&s);
}

static void test_answer_after_the_end(void **state)
{
	struct attempt a = dial_service(0);
	const struct wd_flow *f;
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, seen(a.tuple, 0, VETH, WD_SIGHT_IN, SYN));
	play(&s, syn_repeated(&a, 1000, 2));
	play(&s, gave_up(&a, 1500, 2, 0));
	play(&s, seen(wd_tuple_reverse(&a.tuple), 1520, ETH0, WD_SIGHT_IN, SYN_ACK));
	f = flow_of(&s, &a);
	assert_int_equal(f->path->late, 1);
	assert_null(place(f, ETH0, WD_SIGHT_IN));
	scene_close(&s);
}

static void test_icmp_error_quotes_the_syn(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_event e = seen(a.tuple, 1010, ETH0, WD_SIGHT_IN, SYN);
	struct wd_event about_answer = seen(wd_tuple_reverse(&a.tuple), 1020, ETH0, WD_SIGHT_IN, 0);
	const struct wd_flow_sight *p;
	struct scene s;

	(void)state;
	e.packet.icmp_error = about_answer.packet.icmp_error = true;
	e.packet.icmp_type = 3;
	e.packet.icmp_code = 13;
	e.packet.icmp_from = addr("198.18.0.1");
	about_answer.packet.seq = ISN;
	scene_open(&s);
	play(&s, syn_repeated(&a, 1000, 2));
	play(&s, e);
	play(&s, about_answer);
	p = place(flow_of(&s, &a), ETH0, WD_SIGHT_IN);
	assert_non_null(p);
	assert_int_equal(p->icmp, 1);
	assert_int_equal(p->syn, 0);
	assert_int_equal(p->icmp_code, 13);
	assert_true(wd_addr_equal(&p->icmp_from, &(struct wd_addr){0}) == false);
	scene_close(&s);
}

static void test_renamed_device_keeps_its_place(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_event e = seen(a.tuple, 2000, VETH, WD_SIGHT_IN, SYN);
	struct scene s;

	(void)state;
	strcpy(e.packet.device, "renamed");
	scene_open(&s);
	play(&s, syn_repeated(&a, 1000, 2));
	play(&s, seen(a.tuple, 1000, VETH, WD_SIGHT_IN, SYN));
	play(&s, e);
	assert_int_equal(flow_of(&s, &a)->path->n, 1);
	assert_int_equal(syns(flow_of(&s, &a), VETH, WD_SIGHT_IN), 2);
	assert_string_equal(place(flow_of(&s, &a), VETH, WD_SIGHT_IN)->device, "renamed");
	scene_close(&s);
}

static void test_more_places_than_room(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, syn_repeated(&a, 1000, 2));
	for (uint32_t i = 0; i < WD_FLOW_SIGHTS_MAX + 3; i++)
		play(&s, seen(a.tuple, 1010, 100 + i, WD_SIGHT_OUT, SYN));
	assert_int_equal(flow_of(&s, &a)->path->n, WD_FLOW_SIGHTS_MAX);
	assert_int_equal(flow_of(&s, &a)->path->beyond, 3);
	scene_close(&s);
}

/* The ring is short: what was pushed out of it may have been this attempt's. */
static void test_what_was_not_kept_is_said(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_event e = seen(a.tuple, 10, VETH, WD_SIGHT_IN, SYN);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, seen(a.tuple, 0, VETH, WD_SIGHT_IN, SYN));
	for (unsigned int i = 0; i < 3000; i++) {
		e.tuple.sport = (uint16_t)(1 + i);
		e.packet.seq = i;
		play(&s, e);
	}
	play(&s, syn_repeated(&a, 1000, 2));
	assert_int_equal(syns(flow_of(&s, &a), VETH, WD_SIGHT_IN), 0);
	assert_true(flow_of(&s, &a)->path_since_ns >= at(0));
	scene_close(&s);
}

/* One more word, once: that the first SYN passed the hooks is news. */
static void test_another_word(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, syn_repeated(&a, 1000, 2));
	scene_until(&s, 1500);
	assert_words(&s, 1);
	play(&s, syn_repeated(&a, 3000, 3));
	wd_flow_table_again(s.t, wd_flow_table_by_sock(s.t, a.sock), at(3150));
	scene_until(&s, 4000);
	assert_words(&s, 2);
	assert_false(s.words[1].final);
	assert_int_equal(s.words[0].flow.id, s.words[1].flow.id);
	play(&s, gave_up(&a, 5000, 3, 0));
	wd_flow_table_again(s.t, wd_flow_table_by_sock(s.t, a.sock), at(5001));
	scene_rest(&s);
	assert_words(&s, 3);
	assert_true(s.words[2].final);
	assert_null(wd_flow_table_by_sock(s.t, a.sock));
	scene_close(&s);
}

/* Names are taken back when their attempt is forgotten. */
static void test_many_attempts_come_and_go(void **state)
{
	struct scene s;

	(void)state;
	scene_open_with(&s, (struct wd_flow_options){.max_flows = 4});
	for (unsigned int i = 0; i < 64; i++) {
		struct attempt a = dial_service(i * 10);
		struct wd_tuple reply =
			tuple(WD_PROTO_TCP, "10.244.1.20", 8443, "198.18.0.10", 61000);
		struct wd_event e =
			seen(wd_tuple_reverse(&reply), i * 10 + 2, ETH0, WD_SIGHT_OUT, SYN);

		a.sock += i;
		a.tuple.sport = (uint16_t)(a.tuple.sport + i);
		e.packet.seq = i % 3;
		play(&s, syn_repeated(&a, i * 10 + 1, 2));
		wd_flow_table_nat(s.t, wd_flow_table_by_sock(s.t, a.sock), &reply);
		play(&s, e);
	}
	scene_rest(&s);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_syn_waits_for_its_attempt),
		cmocka_unit_test(test_answer_by_reversed_tuple),
		cmocka_unit_test(test_masquerade_with_another_port_by_conntrack),
		cmocka_unit_test(test_dnat_names_the_backend),
		cmocka_unit_test(test_conntrack_of_the_packet),
		cmocka_unit_test(test_unknown_nat_by_sequence_number),
		cmocka_unit_test(test_two_attempts_with_one_tuple),
		cmocka_unit_test(test_answer_after_the_end),
		cmocka_unit_test(test_icmp_error_quotes_the_syn),
		cmocka_unit_test(test_renamed_device_keeps_its_place),
		cmocka_unit_test(test_more_places_than_room),
		cmocka_unit_test(test_what_was_not_kept_is_said),
		cmocka_unit_test(test_another_word),
		cmocka_unit_test(test_many_attempts_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams have no handshake: a drop or an error is all that tells of an attempt. */
#include "scene.h"

static struct wd_tuple query(const char *server)
{
	return tuple(WD_PROTO_UDP, "10.244.0.5", 50000, server, 53);
}

static struct wd_event owned(struct wd_event e, bool receiver)
{
	e.drop.owner = (struct wd_owner){.pid = 77, .netns = CLIENT_NETNS, .comm = "dig"};
	e.drop.owner_is_receiver = receiver;
	return e;
}

static void test_udp_drop(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s,
	     owned(dropped(query("10.96.0.10"), 0, 0, "NETFILTER_DROP", "nf_hook_slow"), false));
	scene_rest(&s);
	assert_said(&s, 0, 500, 1500);
	assert_words(&s, 1);
	assert_outcome(ended(&s, 0), "dropped");
	assert_int_equal(ended(&s, 0)->owner.pid, 77);
	assert_int_equal(ended(&s, 0)->n_drops, 1);
	scene_close(&s);
}

static struct wd_event udp_error(struct wd_tuple t, uint64_t ms, int err)
{
	struct wd_event e = {.kind = WD_EVENT_SOCK_ERROR, .ts_ns = at(ms), .tuple = t};

	e.sock_error.err = err;
	e.sock_error.owner = (struct wd_owner){.pid = 77, .netns = CLIENT_NETNS, .comm = "dig"};
	return e;
}

static void test_udp_error(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, udp_error(query("10.96.0.10"), 1, ECONNREFUSED));
	scene_rest(&s);
	assert_words(&s, 1);
	assert_outcome(ended(&s, 0), "refused");
	assert_int_equal(ended(&s, 0)->err, ECONNREFUSED);
	assert_int_equal(ended(&s, 0)->owner.pid, 77);
	scene_close(&s);
}

static void test_udp_rejected(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, dropped(query("10.96.0.10"), 0, 0, "NETFILTER_DROP", "nf_hook_slow"));
	play(&s, udp_error(query("10.96.0.10"), 1, ECONNREFUSED));
	scene_rest(&s);
	assert_words(&s, 1);
	assert_outcome(ended(&s, 0), "refused");
	assert_int_equal(ended(&s, 0)->n_drops, 1);
	scene_close(&s);
}

/* Two resolvers were asked, the first answer was enough, the socket is closed. */
static void test_udp_late_reply_to_a_closed_socket(void **state)
{
	struct wd_tuple asked = query("10.96.0.10"), back = wd_tuple_reverse(&asked);
	struct wd_event e = dropped(back, 30, 0, "NO_SOCKET", "__udp4_lib_rcv");
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, e);
	play(&s, owned(e, true));
	scene_finish(&s, 5000);
	assert_words(&s, 0);
	scene_close(&s);
}

static void test_udp_reply_filtered(void **state)
{
	struct wd_tuple asked = query("10.96.0.10"), back = wd_tuple_reverse(&asked);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, owned(dropped(back, 30, 0, "NETFILTER_DROP", "nf_hook_slow"), true));
	scene_rest(&s);
	assert_outcome(only_word(&s), "dropped");
	assert_true(only_word(&s)->drops[0].reply);
	assert_true(wd_tuple_equal(&only_word(&s)->tuple, &asked));
	scene_close(&s);
}

/* One socket asks two resolvers at once (musl): neither address is the other's backend. */
static void test_udp_socket_with_two_peers(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, dropped(query("10.96.0.10"), 0, 0, "NETFILTER_DROP", "nf_hook_slow"));
	play(&s, dropped(query("10.96.0.11"), 1, 0, "NETFILTER_DROP", "nf_hook_slow"));
	scene_rest(&s);
	assert_words(&s, 2);
	for (unsigned int i = 0; i < 2; i++) {
		assert_false(ended(&s, i)->has_backend);
		assert_int_equal(ended(&s, i)->n_drops, 1);
	}
	scene_close(&s);
}

static void test_udp_icmp_error_dropped_is_no_attempt(void **state)
{
	struct wd_event e = dropped(query("10.96.0.10"), 0, 0, "NETFILTER_DROP", "nf_hook_slow");
	struct scene s;

	(void)state;
	e.drop.icmp_error = true;
	scene_open(&s);
	play(&s, e);
	scene_finish(&s, 5000);
	assert_words(&s, 0);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_udp_drop),
		cmocka_unit_test(test_udp_error),
		cmocka_unit_test(test_udp_rejected),
		cmocka_unit_test(test_udp_late_reply_to_a_closed_socket),
		cmocka_unit_test(test_udp_reply_filtered),
		cmocka_unit_test(test_udp_socket_with_two_peers),
		cmocka_unit_test(test_udp_icmp_error_dropped_is_no_attempt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

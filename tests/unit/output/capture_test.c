/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "blocks.h"
#include "output/capture.h"
#include "sample.h"

#define CLIENT  "10.244.0.5"
#define SERVICE "10.96.156.220"
#define BACKEND "10.244.0.20"
#define OFFSET  1795349000000000000ll

#define SYN 2
#define RST 4
#define ACK 16

static struct blocks got;
static struct wd_capture *capture;
static struct wd_buf out;

static void begin(const struct wd_capture_limits *limits)
{
	assert_int_equal(wd_capture_new(limits, &capture), 0);
	wd_buf_init(&out, 4 << 20);
	wd_capture_start(&out, &(struct wd_pcapng_section){.os = "Linux"});
}

static void look(void)
{
	const char *wrong = blocks_read(&got, out.data, out.len);

	assert_int_equal(out.err, 0);
	if (wrong)
		fail_msg("%s", wrong);
}

static int end(void **state)
{
	(void)state;
	wd_capture_free(capture);
	capture = NULL;
	wd_buf_release(&out);
	return 0;
}

static struct wd_tuple tuple(const char *from, uint16_t sport, const char *to, uint16_t dport)
{
	struct wd_tuple t = {sample_addr(from), sample_addr(to), sport, dport, WD_PROTO_TCP};

	return t;
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* An IPv4 TCP packet of that tuple, seen by a hook of eth0. */
static struct wd_event seen(const struct wd_tuple *t, uint8_t flags, uint64_t ts_ns)
{
	struct wd_event e = {.kind = WD_EVENT_SNAP, .ts_ns = ts_ns, .tuple = *t};
	uint32_t v4;

	e.snap.sight = WD_SIGHT_IN;
	e.snap.ifindex = 2;
	e.snap.netns = 77;
	strcpy(e.snap.device, "eth0");
	e.snap.caplen = 40;
	e.snap.len = 1400;
	e.snap.data[0] = 0x45;
	e.snap.data[9] = t->proto;
	v4 = wd_addr_v4(&t->saddr);
	memcpy(e.snap.data + 12, &v4, 4);
	v4 = wd_addr_v4(&t->daddr);
	memcpy(e.snap.data + 16, &v4, 4);
	put16(e.snap.data + 20, t->sport);
	put16(e.snap.data + 22, t->dport);
	e.snap.data[27] = 1; /* sequence */
	e.snap.data[32] = 0x50;
	e.snap.data[33] = flags;
	return e;
}

static void give(const struct wd_event *e)
{
	wd_capture_packet(capture, &out, e, OFFSET);
}

static void packet(const struct wd_tuple *t, uint8_t flags, uint64_t ts_ns)
{
	struct wd_event e = seen(t, flags, ts_ns);

	give(&e);
}

static void finding(bool final)
{
	struct wd_finding f = sample_finding();

	f.final = final;
	wd_capture_finding(capture, &out, &f);
}

static void test_written_once(void **state)
{
	struct wd_tuple there = tuple(CLIENT, 41234, SERVICE, 443), back = wd_tuple_reverse(&there);
	struct wd_tuple other = tuple(CLIENT, 41235, SERVICE, 443);

	(void)state;
	begin(NULL);
	packet(&there, SYN, 1000);
	packet(&other, SYN, 1500);
	packet(&back, RST | ACK, 2000);
	look();
	assert_int_equal(got.packets, 0);
	finding(true);
	look();
	assert_int_equal(got.packets, 2);
	assert_true(got.packet[0].wall_ns == (uint64_t)OFFSET + 1000);
	assert_true(got.packet[1].wall_ns == (uint64_t)OFFSET + 2000);
	assert_int_equal(got.packet[0].len, 1400);
	assert_int_equal(got.packet[0].caplen, 40);
	assert_int_equal(got.packet[0].flags, 1);
	assert_int_equal(got.interfaces, 1);
	assert_string_equal(got.name[0], "eth0");
	assert_string_equal(got.description[0], "in network namespace 77");
	assert_non_null(
		strstr(got.packet[0].text, "received, device eth0\nFILTER DENIED (certain)"));
	assert_non_null(strstr(got.packet[1].text, "cause filter-denied\n"));
	finding(true);
	wd_capture_finish(capture, &out);
	look();
	assert_int_equal(got.packets, 2);
	assert_int_equal(wd_capture_counts(capture)->packets, 2);
	assert_int_equal(wd_capture_counts(capture)->findings, 1);
	assert_int_equal(wd_capture_counts(capture)->empty, 1);
}

static void test_drop_says_why(void **state)
{
	struct wd_tuple t = tuple(CLIENT, 41234, SERVICE, 443);
	struct wd_event e = seen(&t, SYN, 1);

	(void)state;
	begin(NULL);
	e.snap.sight = WD_SIGHT_DROP;
	e.snap.reason = "NETFILTER_DROP";
	e.snap.function = "nf_hook_slow";
	give(&e);
	e.snap.device[0] = '\0';
	e.snap.netns = e.snap.ifindex = 0;
	give(&e);
	finding(true);
	look();
	assert_int_equal(got.packets, 2);
	assert_int_equal(got.packet[0].flags, 0);
	assert_non_null(strstr(got.packet[0].text,
	                       "dropped here: NETFILTER_DROP in nf_hook_slow, device eth0\n"));
	assert_int_equal(got.interfaces, 2);
	assert_string_equal(got.name[1], "no-device");
	assert_string_equal(got.description[1], "");
	assert_int_equal(got.packet[1].interface, 1);
}

/* The final answer's word stands; the interim one's only when there is no other. */
static void test_interim(void **state)
{
	struct wd_tuple t = tuple(CLIENT, 41234, SERVICE, 443);

	(void)state;
	begin(NULL);
	packet(&t, SYN, 1);
	finding(false);
	look();
	assert_int_equal(got.packets, 0);
	packet(&t, SYN, 2);
	finding(true);
	look();
	assert_int_equal(got.packets, 2);
	assert_null(strstr(got.packet[0].text, "so far"));
	packet(&t, SYN, 3);
	finding(false);
	finding(false);
	wd_capture_finish(capture, &out);
	look();
	assert_int_equal(got.packets, 3);
	assert_non_null(strstr(got.packet[2].text, "so far"));
}

/* After DNAT a packet bears the backend's address: conntrack's tuple leads back. */
static void test_conntrack(void **state)
{
	struct wd_tuple dialled = tuple(CLIENT, 41234, SERVICE, 443);
	struct wd_tuple after = tuple("192.0.2.1", 61000, BACKEND, 8443); /* and SNAT */
	struct wd_tuple answer = wd_tuple_reverse(&after);
	struct wd_event e = seen(&after, SYN, 2);

	(void)state;
	begin(NULL);
	packet(&dialled, SYN, 1);
	e.snap.has_ct = true;
	e.snap.ct_orig = dialled;
	give(&e);
	packet(&answer, RST | ACK, 3); /* seen before conntrack saw it */
	finding(true);
	look();
	assert_int_equal(got.packets, 3);
	assert_true(got.packet[2].wall_ns == (uint64_t)OFFSET + 3);
}

/* Without conntrack's word, the backend that the finding names; in the order of time. */
static void test_backend(void **state)
{
	struct wd_tuple dialled = tuple(CLIENT, 41234, SERVICE, 443);
	struct wd_tuple after = tuple(CLIENT, 41234, BACKEND, 8443);

	(void)state;
	begin(NULL);
	packet(&after, SYN, 20);
	packet(&dialled, SYN, 10);
	packet(&dialled, SYN, 30);
	finding(true);
	look();
	assert_int_equal(got.packets, 3);
	for (unsigned int i = 0; i < 3; i++)
		assert_true(got.packet[i].wall_ns == (uint64_t)OFFSET + 10 * (i + 1));
	assert_int_equal(wd_capture_counts(capture)->findings, 1);
}

/* An ephemeral port used again: what an earlier connection left behind is not told. */
static void test_ports_again(void **state)
{
	struct wd_tuple t = tuple(CLIENT, 41234, SERVICE, 443), back = wd_tuple_reverse(&t);
	struct wd_event e = seen(&t, SYN, 9);

	(void)state;
	begin(NULL);
	packet(&t, SYN, 1);
	packet(&back, SYN | ACK, 2);
	packet(&t, SYN, 3); /* the same one repeated */
	e.snap.data[27] = 99;
	give(&e);
	finding(true);
	look();
	assert_int_equal(got.packets, 1);
	assert_true(got.packet[0].wall_ns == (uint64_t)OFFSET + 9);
}

static void test_first_and_last(void **state)
{
	struct wd_tuple t = tuple(CLIENT, 41234, SERVICE, 443);
	const unsigned int half = WD_CAPTURE_KEEP / 2;

	(void)state;
	begin(NULL);
	for (unsigned int i = 0; i < 1000; i++)
		packet(&t, ACK, i);
	finding(true);
	look();
	assert_int_equal(got.packets, WD_CAPTURE_KEEP);
	for (unsigned int i = 0; i < half; i++) {
		assert_true(got.packet[i].wall_ns == (uint64_t)OFFSET + i);
		assert_true(got.packet[half + i].wall_ns == (uint64_t)OFFSET + 1000 - half + i);
	}
	assert_non_null(strstr(got.packet[0].text, "1000 packets of this connection were seen"));
}

/* Healthy connections by the thousand do not push out the one that waits. */
static void test_crowd(void **state)
{
	static const struct wd_capture_limits small = {.open = 8, .answered = 4, .packets = 64};
	struct wd_tuple waiting = tuple(CLIENT, 41234, SERVICE, 443);

	(void)state;
	begin(&small);
	packet(&waiting, SYN, 1);
	for (unsigned int i = 0; i < 10000; i++) {
		struct wd_tuple t = tuple("10.244.0.6", (uint16_t)(i + 1), SERVICE, 443);
		struct wd_tuple back = wd_tuple_reverse(&t);

		packet(&t, SYN, 2);
		packet(&back, SYN | ACK, 3);
		packet(&t, ACK | 1, 4);
	}
	finding(true);
	look();
	assert_int_equal(got.packets, 1);
}

/* A told connection that is pushed out is written with what was said of it. */
static void test_told_is_kept(void **state)
{
	static const struct wd_capture_limits small = {.open = 4, .answered = 4, .packets = 40};
	struct wd_tuple t = tuple(CLIENT, 41234, SERVICE, 443);

	(void)state;
	begin(&small);
	packet(&t, SYN, 1);
	finding(false);
	for (uint16_t i = 0; i < 100; i++) {
		struct wd_tuple other = tuple("10.244.0.6", (uint16_t)(i + 1), SERVICE, 443);

		packet(&other, SYN, 2);
	}
	look();
	assert_int_equal(got.packets, 1);
	assert_non_null(strstr(got.packet[0].text, "so far"));
}

/* A pool that is smaller than what its connections may hold. */
static void test_pool(void **state)
{
	static const struct wd_capture_limits small = {.open = 100, .answered = 4, .packets = 40};

	(void)state;
	begin(&small);
	for (uint16_t i = 0; i < 1000; i++) {
		struct wd_tuple t = tuple(CLIENT, (uint16_t)(41200 + i % 50), SERVICE, 443);

		packet(&t, i % 3 ? ACK : RST, i);
	}
	for (uint16_t i = 0; i < 50; i++) {
		struct wd_finding f = sample_finding();

		f.client.port = (uint16_t)(41200 + i);
		wd_capture_finding(capture, &out, &f);
	}
	look();
	assert_int_equal(got.packets, 40);
}

static void test_no_room(void **state)
{
	struct wd_tuple t = tuple(CLIENT, 41234, SERVICE, 443);

	(void)state;
	begin(NULL);
	out.cap = out.alloc;
	for (unsigned int i = 0; i < 10; i++)
		packet(&t, ACK, i);
	finding(true);
	assert_int_equal(out.err, -ENOBUFS);
	assert_int_equal(wd_capture_counts(capture)->packets + wd_capture_counts(capture)->lost,
	                 10);
	assert_true(wd_capture_counts(capture)->lost > 0);
	out.err = 0;
	look();
	assert_int_equal(got.packets, wd_capture_counts(capture)->packets);
}

/* Pods come and go: very many devices share the last description. */
static void test_many_devices(void **state)
{
	struct wd_tuple t = tuple(CLIENT, 41234, SERVICE, 443);
	struct wd_event e = seen(&t, SYN, 1);

	(void)state;
	begin(NULL);
	e.snap.device[0] = '\0';
	for (unsigned int i = 1; i <= 5000; i++) {
		e.snap.ifindex = i;
		give(&e);
		finding(true);
	}
	look();
	assert_int_equal(got.packets, 5000);
	assert_int_equal(got.interfaces, 4097);
	assert_string_equal(got.name[0], "others"); /* the 4097th, in a ring of 256 */
	assert_string_equal(got.name[1], "if3842");
}

static void test_nonsense(void **state)
{
	static const struct wd_capture_limits few = {.packets = 31};
	struct wd_tuple t = tuple(CLIENT, 41234, SERVICE, 443);
	struct wd_event e = seen(&t, SYN, 1);
	struct wd_capture *none = NULL;

	(void)state;
	assert_int_equal(wd_capture_new(&few, &none), -EINVAL);
	assert_null(none);
	begin(NULL);
	e.snap.caplen = 129;
	give(&e);
	e.snap.caplen = 0;
	give(&e);
	e.kind = WD_EVENT_DROP;
	e.snap.caplen = 40;
	give(&e);
	finding(true);
	wd_capture_finish(capture, &out);
	look();
	assert_int_equal(got.packets, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_written_once, end),
		cmocka_unit_test_teardown(test_drop_says_why, end),
		cmocka_unit_test_teardown(test_interim, end),
		cmocka_unit_test_teardown(test_conntrack, end),
		cmocka_unit_test_teardown(test_backend, end),
		cmocka_unit_test_teardown(test_ports_again, end),
		cmocka_unit_test_teardown(test_first_and_last, end),
		cmocka_unit_test_teardown(test_crowd, end),
		cmocka_unit_test_teardown(test_told_is_kept, end),
		cmocka_unit_test_teardown(test_pool, end),
		cmocka_unit_test_teardown(test_no_room, end),
		cmocka_unit_test_teardown(test_many_devices, end),
		cmocka_unit_test_teardown(test_nonsense, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

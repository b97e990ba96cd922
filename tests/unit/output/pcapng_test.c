/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "blocks.h"
#include "output/comment.h"
#include "output/pcapng.h"
#include "sample.h"

static struct blocks got;

static void start(struct wd_buf *b, size_t cap)
{
	wd_buf_init(b, cap);
	wd_pcapng_section(b, &(struct wd_pcapng_section){"x86_64", "Linux 6.1", "whydrop 0.1.0"});
	wd_pcapng_interface(b,
	                    &(struct wd_pcapng_interface){"eth0", "in network namespace 7", 128});
}

static void read_all(const struct wd_buf *b)
{
	const char *wrong = blocks_read(&got, b->data, b->len);

	assert_int_equal(b->err, 0);
	if (wrong)
		fail_msg("%s", wrong);
}

static void test_section_and_interface(void **state)
{
	struct wd_buf b;

	(void)state;
	start(&b, 1 << 16);
	read_all(&b);
	assert_int_equal(got.sections, 1);
	assert_int_equal(got.interfaces, 1);
	assert_string_equal(got.hardware, "x86_64");
	assert_string_equal(got.os, "Linux 6.1");
	assert_string_equal(got.application, "whydrop 0.1.0");
	assert_string_equal(got.name[0], "eth0");
	assert_string_equal(got.description[0], "in network namespace 7");
	wd_buf_release(&b);
}

static void test_absent_texts(void **state)
{
	struct wd_buf b;

	(void)state;
	wd_buf_init(&b, 1 << 16);
	wd_pcapng_section(&b, &(struct wd_pcapng_section){.os = ""});
	wd_pcapng_interface(&b, &(struct wd_pcapng_interface){.snaplen = 128});
	read_all(&b);
	assert_string_equal(got.os, "");
	assert_string_equal(got.name[0], "");
	wd_buf_release(&b);
}

/* Every length modulo 4, with its padding; the time is not cut to 32 bits. */
static void test_packet_lengths(void **state)
{
	uint8_t data[128];
	struct wd_buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i + 1);
	for (uint32_t n = 0; n <= 128; n++) {
		start(&b, 1 << 16);
		wd_pcapng_packet(&b, &(struct wd_pcapng_packet){.wall_ns = 1795349071218000123ull,
		                                                .data = data,
		                                                .caplen = n,
		                                                .len = n + 1400,
		                                                .direction = WD_PCAPNG_OUT,
		                                                .comment = "a"});
		read_all(&b);
		assert_int_equal(got.packets, 1);
		assert_int_equal(got.packet[0].caplen, n);
		assert_int_equal(got.packet[0].len, n + 1400);
		assert_int_equal(got.packet[0].flags, 2);
		assert_true(got.packet[0].wall_ns == 1795349071218000123ull);
		assert_memory_equal(got.packet[0].data, data, n);
		wd_buf_release(&b);
	}
}

static void test_direction_unknown(void **state)
{
	struct wd_buf b;

	(void)state;
	start(&b, 1 << 16);
	wd_pcapng_packet(&b, &(struct wd_pcapng_packet){.data = (const uint8_t *)"E", .caplen = 1});
	read_all(&b);
	assert_int_equal(got.packet[0].flags, 0);
	assert_int_equal(got.packet[0].n_comments, 0);
	assert_int_equal(got.packet[0].len, 1);
	wd_buf_release(&b);
}

static void comment(struct wd_buf *b, const char *text)
{
	start(b, 1 << 20);
	wd_pcapng_packet(b, &(struct wd_pcapng_packet){
				    .data = (const uint8_t *)"E", .caplen = 1, .comment = text});
	read_all(b);
}

static void test_comment_lines(void **state)
{
	struct wd_buf b;

	(void)state;
	comment(&b, "one\n\ntwo\nthree\n");
	assert_int_equal(got.packet[0].n_comments, 3);
	assert_string_equal(got.packet[0].text, "one\ntwo\nthree\n");
	wd_buf_release(&b);
	comment(&b, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n");
	assert_int_equal(got.packet[0].n_comments, WD_PCAPNG_COMMENTS_MAX);
	wd_buf_release(&b);
}

static void test_hostile_text(void **state)
{
	struct wd_buf b;

	(void)state;
	comment(&b, "\x1b[2J\xff\xc3 \xe2\x80\xae \r\t");
	assert_string_equal(got.packet[0].text, "\\x1b[2J\\xff\\xc3 \\u{202e} \\r\\t\n");
	wd_buf_release(&b);
	start(&b, 1 << 16);
	wd_pcapng_interface(&b, &(struct wd_pcapng_interface){"et\x9b\x01", "\n", 128});
	read_all(&b);
	assert_string_equal(got.name[1], "et\\x9b\\x01");
	wd_buf_release(&b);
}

/* Cut at the cap, and not within a character. */
static void test_long_text(void **state)
{
	static char text[3 * WD_PCAPNG_TEXT_MAX + 2];
	struct wd_buf b;

	(void)state;
	for (unsigned int shift = 0; shift < 3; shift++) {
		memset(text, 'x', shift);
		for (size_t i = shift; i + 3 < sizeof(text); i += 3)
			memcpy(text + i, "\xe2\x82\xac", 4);
		comment(&b, text);
		assert_int_equal(got.packet[0].n_comments, 1);
		wd_buf_release(&b);
	}
}

/* At every cap: whole blocks, or nothing of one. */
static void test_no_room(void **state)
{
	static const uint8_t data[40] = {0x45};
	struct wd_buf whole, b;
	unsigned int short_of = 0;

	(void)state;
	start(&whole, 1 << 16);
	wd_pcapng_packet(&whole, &(struct wd_pcapng_packet){
					 .data = data, .caplen = 40, .comment = "why\nwhere"});
	for (size_t cap = 0; cap <= whole.len; cap++) {
		const char *wrong;

		start(&b, cap);
		wd_pcapng_packet(&b, &(struct wd_pcapng_packet){
					     .data = data, .caplen = 40, .comment = "why\nwhere"});
		short_of += b.err == -ENOBUFS;
		wrong = blocks_read(&got, b.data, b.len);
		if (wrong)
			fail_msg("cap %zu: %s", cap, wrong);
		wd_buf_release(&b);
	}
	assert_int_equal(short_of, whole.len);
	wd_buf_release(&whole);
}

static void test_block_length(void **state)
{
	uint32_t words[4] = {6, 16, 0, 16};

	(void)state;
	assert_int_equal(wd_pcapng_block(words, 16), 16);
	assert_int_equal(wd_pcapng_block(words, 15), 0);
	assert_int_equal(wd_pcapng_block(words, 4), 0);
	words[1] = 14;
	assert_int_equal(wd_pcapng_block(words, 16), 0);
	words[1] = 8;
	assert_int_equal(wd_pcapng_block(words, 16), 0);
}

/* ---- what a comment says --------------------------------------------------------------- */

static void says(struct wd_buf *b, const char *text)
{
	wd_buf_putc(b, '\0');
	assert_int_equal(b->err, 0);
	assert_string_equal(b->data, text);
	wd_buf_release(b);
}

static void test_finding_text(void **state)
{
	struct wd_finding f = sample_finding();
	struct wd_buf b;

	(void)state;
	wd_buf_init(&b, 1 << 16);
	wd_comment_finding(&b, &f);
	says(&b, "FILTER DENIED (certain): unanswered, 3 SYN in 3.1 s, error ETIMEDOUT\n"
	         "shop/cart-0 (curl) 10.244.0.5:41234 -> 10.96.156.220:443 => 10.244.0.20:8443 "
	         "(payments/api-1)\n"
	         "a netfilter rule of this node drops what shop/cart-0 sends to 10.244.0.20:8443\n"
	         "where: this node, forward hook, in from veth3a1f\n"
	         "drop: NETFILTER_DROP in nf_hook_slow, hook forward, device veth3a1f, netns node, "
	         "packets: 3\n"
	         "whydrop finding 000000000000001f, cause filter-denied");
}

static void test_finding_unknown(void **state)
{
	struct wd_finding f = {.id = 2, .proto = WD_PROTO_UDP, .drop.known = true};
	struct wd_buf b;

	(void)state;
	wd_buf_init(&b, 1 << 16);
	wd_comment_finding(&b, &f);
	says(&b, "CAUSE UNKNOWN, so far\n"
	         "unknown client -> unknown target/udp\n"
	         "drop:\n"
	         "whydrop finding 0000000000000002, cause unknown");
}

static void test_packet_text(void **state)
{
	static const struct {
		struct wd_comment_packet p;
		const char *text;
	} cases[] = {
		{{WD_SIGHT_DROP, "NETFILTER_DROP", "nf_hook_slow", "eth0"},
	         "dropped here: NETFILTER_DROP in nf_hook_slow, device eth0\n"},
		{{WD_SIGHT_DROP, NULL, "nf_hook_slow", ""}, "dropped here: in nf_hook_slow\n"},
		{{WD_SIGHT_DROP, "NO_SOCKET", NULL, ""}, "dropped here: NO_SOCKET\n"},
		{{WD_SIGHT_DROP, NULL, NULL, ""}, "dropped here\n"},
		{{WD_SIGHT_IN, NULL, NULL, "eth0"}, "received, device eth0\n"},
		{{WD_SIGHT_OUT, NULL, NULL, "a\nb"}, "sent, device \"a\\nb\"\n"},
		{{WD_SIGHT_XDP, NULL, NULL, "eth0"},
	         "received, device eth0, seen by its driver (XDP)\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wd_buf b;

		wd_buf_init(&b, 1 << 16);
		wd_comment_packet(&b, &cases[i].p);
		says(&b, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_section_and_interface),
		cmocka_unit_test(test_absent_texts),
		cmocka_unit_test(test_packet_lengths),
		cmocka_unit_test(test_direction_unknown),
		cmocka_unit_test(test_comment_lines),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_long_text),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_block_length),
		cmocka_unit_test(test_finding_text),
		cmocka_unit_test(test_finding_unknown),
		cmocka_unit_test(test_packet_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

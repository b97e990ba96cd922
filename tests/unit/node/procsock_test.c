/* SPDX-License-Identifier: Apache-2.0 */
#include "node/procsock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
#define TAIL " 00:00000000 00000000     0        0 242 1 0000000047693ee9 100 0 0 10 0\n"

/* As captured on Linux 6.18, little-endian. */
#define ANY_2024    "   0: 00000000:07E8 00000000:0000 0A 00000000:00000003" TAIL
#define LO_8080     "   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000" TAIL
#define POD_9090    "   2: 0500F40A:2382 00000000:0000 0A 00000000:00000007" TAIL
#define ESTABLISHED "   3: 0500F40A:1F90 0100F40A:D431 01 00000000:00000000" TAIL

#define ANY6_443                                                                                \
	"   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A " \
	"00000000:00000001" TAIL
#define LO6_444                                                                                 \
	"   1: 00000000000000000000000001000000:01BC 00000000000000000000000000000000:0000 0A " \
	"00000000:00000000" TAIL
#define MAPPED_445                                                                              \
	"   2: 0000000000000000FFFF00000500F40A:01BD 00000000000000000000000000000000:0000 0A " \
	"00000000:00000000" TAIL
#define MAPPED_ANY_446                                                                          \
	"   3: 0000000000000000FFFF000000000000:01BE 00000000000000000000000000000000:0000 0A " \
	"00000000:00000000" TAIL

static struct wd_procsock ask(const char *addr, uint16_t port)
{
	struct wd_procsock q;
	struct wd_addr a;

	assert_int_equal(wd_addr_parse(addr, &a), 0);
	wd_procsock_init(&q, &a, port);
	return q;
}

static enum wd_listener verdict(const char *addr, uint16_t port, enum wd_procsock_file file,
                                const char *text)
{
	struct wd_procsock q = ask(addr, port);

	wd_procsock_read(&q, file, text, strlen(text));
	return wd_procsock_verdict(&q, true);
}

static void finds_listeners_of_every_kind(void **state)
{
	static const char text[] = HEAD ANY_2024 LO_8080 POD_9090 ESTABLISHED;

	(void)state;
	assert_int_equal(verdict("10.244.0.5", 2024, WD_PROCSOCK_TCP, text), WD_LISTENER_PRESENT);
	assert_int_equal(verdict("10.244.0.5", 9090, WD_PROCSOCK_TCP, text), WD_LISTENER_PRESENT);
	assert_int_equal(verdict("10.244.0.9", 9090, WD_PROCSOCK_TCP, text),
	                 WD_LISTENER_OTHER_ADDR);
	assert_int_equal(verdict("10.244.0.5", 8080, WD_PROCSOCK_TCP, text),
	                 WD_LISTENER_LOOPBACK_ONLY);
	assert_int_equal(verdict("127.0.0.1", 8080, WD_PROCSOCK_TCP, text), WD_LISTENER_PRESENT);
	assert_int_equal(verdict("127.0.0.2", 8080, WD_PROCSOCK_TCP, text), WD_LISTENER_OTHER_ADDR);
	assert_int_equal(verdict("10.244.0.5", 80, WD_PROCSOCK_TCP, text), WD_LISTENER_NONE);
	/* An IPv4 wildcard does not serve IPv6. */
	assert_int_equal(verdict("fd00::5", 2024, WD_PROCSOCK_TCP, text), WD_LISTENER_OTHER_ADDR);
}

static void understands_both_families(void **state)
{
	static const char text[] = HEAD ANY6_443 LO6_444 MAPPED_445 MAPPED_ANY_446;

	(void)state;
	assert_int_equal(verdict("fd00::5", 443, WD_PROCSOCK_TCP6, text), WD_LISTENER_PRESENT);
	assert_int_equal(verdict("10.244.0.5", 443, WD_PROCSOCK_TCP6, text), WD_LISTENER_PRESENT);
	assert_int_equal(verdict("fd00::5", 444, WD_PROCSOCK_TCP6, text),
	                 WD_LISTENER_LOOPBACK_ONLY);
	assert_int_equal(verdict("::1", 444, WD_PROCSOCK_TCP6, text), WD_LISTENER_PRESENT);
	assert_int_equal(verdict("10.244.0.5", 445, WD_PROCSOCK_TCP6, text), WD_LISTENER_PRESENT);
	assert_int_equal(verdict("10.244.0.6", 445, WD_PROCSOCK_TCP6, text),
	                 WD_LISTENER_OTHER_ADDR);
	assert_int_equal(verdict("10.244.0.6", 446, WD_PROCSOCK_TCP6, text), WD_LISTENER_PRESENT);
	assert_int_equal(verdict("fd00::5", 446, WD_PROCSOCK_TCP6, text), WD_LISTENER_OTHER_ADDR);
}

static void udp_counts_sockets_without_peer(void **state)
{
	static const char text[] = HEAD
		"  10: 00000000:0035 00000000:0000 07 00000000:00000200" TAIL
		"  11: 0500F40A:8235 0A00600A:0035 01 00000000:00000000" TAIL
		"  12: 00000000:0A0A 00000000:0000 01 00000000:00000000" TAIL;
	struct wd_procsock q = ask("10.244.0.5", 53);

	(void)state;
	wd_procsock_read(&q, WD_PROCSOCK_UDP, text, strlen(text));
	assert_int_equal(wd_procsock_verdict(&q, true), WD_LISTENER_PRESENT);
	assert_int_equal(wd_procsock_queue(&q), 0);
	assert_int_equal(q.n_ports, 0);
	assert_int_equal(verdict("10.244.0.5", 0x8235, WD_PROCSOCK_UDP, text), WD_LISTENER_NONE);
}

static void incomplete_never_means_none(void **state)
{
	struct wd_procsock q = ask("10.244.0.5", 80);

	(void)state;
	assert_int_equal(wd_procsock_verdict(&q, false), WD_LISTENER_UNKNOWN);
	wd_procsock_read(&q, WD_PROCSOCK_TCP, HEAD LO_8080, strlen(HEAD LO_8080));
	assert_int_equal(wd_procsock_verdict(&q, false), WD_LISTENER_UNKNOWN);
	q = ask("10.244.0.5", 2024);
	wd_procsock_read(&q, WD_PROCSOCK_TCP, HEAD ANY_2024, strlen(HEAD ANY_2024));
	assert_int_equal(wd_procsock_verdict(&q, false), WD_LISTENER_PRESENT);
}

static void takes_the_fullest_queue_that_is_reached(void **state)
{
	static const char text[] = HEAD
		"0: 00000000:2382 00000000:0000 0A 00000000:00000063" TAIL POD_9090
		"3: 0500F40A:2382 00000000:0000 0A 00000000:00000005" TAIL;
	struct wd_procsock q = ask("10.244.0.5", 9090);

	(void)state;
	wd_procsock_read(&q, WD_PROCSOCK_TCP, text, strlen(text));
	assert_int_equal(wd_procsock_queue(&q), 7);
	q = ask("10.244.0.6", 9090);
	wd_procsock_read(&q, WD_PROCSOCK_TCP, text, strlen(text));
	assert_int_equal(wd_procsock_queue(&q), 0x63);
}

static void lists_the_lowest_other_ports_once(void **state)
{
	static const uint16_t want[] = {1, 2, 3, 4, 5, 6, 7, 9};
	char text[4096] = HEAD;
	struct wd_procsock q = ask("10.244.0.5", 8);

	(void)state;
	for (int i = 20; i > 0; i--)
		for (int twice = 0; twice < 2; twice++)
			snprintf(text + strlen(text), sizeof(text) - strlen(text),
			         "%d: 00000000:%04X 00000000:0000 0A 00000000:00000000 x\n", i, i);
	wd_procsock_read(&q, WD_PROCSOCK_TCP, text, strlen(text));
	/* Not reachable at that address, so no candidate for a mistaken port. */
	wd_procsock_read(&q, WD_PROCSOCK_TCP, LO_8080, strlen(LO_8080));
	assert_int_equal(q.n_ports, WD_FACTS_PORTS_MAX);
	assert_memory_equal(q.ports, want, sizeof(want));
}

static void says_when_listeners_are_over(void **state)
{
	struct wd_procsock q = ask("10.244.0.5", 80);

	(void)state;
	wd_procsock_read(&q, WD_PROCSOCK_TCP, HEAD ANY_2024, strlen(HEAD ANY_2024));
	assert_false(q.other_state);
	wd_procsock_read(&q, WD_PROCSOCK_TCP, HEAD ANY_2024 ESTABLISHED,
	                 strlen(HEAD ANY_2024 ESTABLISHED));
	assert_true(q.other_state);
}

static void passes_over_what_is_no_socket(void **state)
{
	static const char *const bad[] = {
		"",
		"\n\n\n",
		"   0: 00000000:07E8 00000000:0000 0A 00000000:00000003", /* cut */
		"   0: 00000000:107E8 00000000:0000 0A 00000000:00000003" TAIL,
		"   0: 000000000:07E8 00000000:0000 0A 00000000:00000003" TAIL,
		"   0: 0000000g:07E8 00000000:0000 0A 00000000:00000003" TAIL,
		"   0: 00000000:07E8 00000000:0000 10A 00000000:00000003" TAIL,
		"   0: 00000000:07E8 00000000:0000 0A 0000000000000003" TAIL,
		"   0: 00000000:07E8 00000000 0A 00000000:00000003" TAIL,
		"   0: 00000000 00000000:0000 0A 00000000:00000003" TAIL,
		"   0: :07E8 00000000:0000 0A 00000000:00000003" TAIL,
		"   0: 00000000:07E8\x01 00000000:0000 0A 00000000:00000003" TAIL,
		"   0: 00000000:0000 00000000:0000 0A 00000000:00000003" TAIL,
		ANY6_443,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct wd_procsock q = ask("10.244.0.5", 2024);

		wd_procsock_read(&q, WD_PROCSOCK_TCP, bad[i], strlen(bad[i]));
		assert_int_equal(wd_procsock_verdict(&q, true), WD_LISTENER_NONE);
		assert_int_equal(q.n_ports, 0);
	}
}

/* Every length of a real text, in memory of exactly that length. */
static void never_reads_beyond_the_text(void **state)
{
	static const char text[] = HEAD ANY6_443 MAPPED_445;

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		struct wd_procsock q = ask("10.244.0.5", 443);
		char *copy = malloc(n + !n);

		assert_non_null(copy);
		memcpy(copy, text, n);
		wd_procsock_read(&q, WD_PROCSOCK_TCP6, copy, n);
		wd_procsock_read(&q, WD_PROCSOCK_UDP, copy, n);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_listeners_of_every_kind),
		cmocka_unit_test(understands_both_families),
		cmocka_unit_test(udp_counts_sockets_without_peer),
		cmocka_unit_test(incomplete_never_means_none),
		cmocka_unit_test(takes_the_fullest_queue_that_is_reached),
		cmocka_unit_test(lists_the_lowest_other_ports_once),
		cmocka_unit_test(says_when_listeners_are_over),
		cmocka_unit_test(passes_over_what_is_no_socket),
		cmocka_unit_test(never_reads_beyond_the_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lines.h"
#include "sample.h"

/* Lets malloc fail as it does outside the sanitizer. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1:max_allocation_size_mb=512";
}

#define SEC 1000000000ull

static const struct wd_text_style plain;
static struct wd_buf buf;
static struct wd_fold *fold;

static bool said(const char *s)
{
	return memmem(buf.data, buf.len, s, strlen(s)) != NULL;
}

static unsigned int lines(void)
{
	unsigned int n = 0;

	for (size_t i = 0; i < buf.len; i++)
		n += buf.data[i] == '\n';
	return n;
}

static void give(const struct wd_finding *f, uint64_t now)
{
	wd_buf_reset(&buf);
	wd_fold_finding(fold, &buf, f, &plain, now);
	assert_int_equal(buf.err, 0);
}

static void flush(void)
{
	wd_buf_reset(&buf);
	wd_fold_flush(fold, &buf, &plain);
	assert_int_equal(buf.err, 0);
}

static void tick(uint64_t now)
{
	wd_buf_reset(&buf);
	wd_fold_tick(fold, &buf, &plain, now);
	assert_int_equal(buf.err, 0);
}

static int begin_with(const struct wd_fold_limits *l)
{
	wd_fold_free(fold);
	fold = NULL;
	return wd_fold_new(l, &fold);
}

static int setup(void **state)
{
	(void)state;
	return begin_with(NULL);
}

static int teardown(void **state)
{
	(void)state;
	wd_fold_free(fold);
	fold = NULL;
	return 0;
}

static struct wd_finding interim(uint64_t id)
{
	struct wd_finding f = sample_finding();

	f.id = id;
	f.final = false;
	f.err = 0;
	return f;
}

static struct wd_finding final(uint64_t id)
{
	struct wd_finding f = sample_finding();

	f.id = id;
	return f;
}

#define SUBJECT                                                                          \
	"shop/cart-0 (curl) -> 10.96.156.220:443 => 10.244.0.20:8443 (payments/api-1), " \
	"FILTER DENIED (certain), unanswered, NETFILTER_DROP\n"

static void test_first_in_full_then_counted(void **state)
{
	struct wd_finding f = final(1);
	struct wd_buf full;

	(void)state;
	wd_buf_init(&full, 1 << 16);
	wd_text_finding(&full, &f, &plain);
	give(&f, 0);
	assert_int_equal(buf.len, full.len);
	assert_memory_equal(buf.data, full.data, full.len);
	wd_buf_release(&full);
	for (uint64_t id = 2; id < 59; id++) {
		f = final(id);
		f.client.port++;
		f.client.pid++;
		give(&f, id);
		assert_int_equal(buf.len, 0);
	}
	flush();
	assert_buf(&buf, "12:04:31  again 57 times: " SUBJECT);
	flush();
	assert_int_equal(buf.len, 0);
	f = final(60);
	give(&f, 60);
	flush();
	assert_buf(&buf, "12:04:31  again 1 time (59 in all): " SUBJECT);
	assert_int_equal(wd_fold_stats(fold)->printed, 1);
	assert_int_equal(wd_fold_stats(fold)->folded, 58);
	assert_int_equal(wd_fold_tally(fold)->total, 59);
	assert_int_equal(wd_fold_tally(fold)->cause[WD_CAUSE_FILTER_DENIED], 59);
}

static void test_told_at_most_every_ten_seconds(void **state)
{
	struct wd_finding f = final(1);

	(void)state;
	give(&f, 0);
	f.id = 2;
	give(&f, 5 * SEC);
	tick(14 * SEC);
	assert_int_equal(buf.len, 0);
	tick(15 * SEC);
	assert_true(said("again 1 time: "));
	tick(100 * SEC);
	assert_int_equal(buf.len, 0);
	f.id = 3;
	give(&f, 101 * SEC);
	/* Without anybody's tick the next finding tells it. */
	f.id = 4;
	give(&f, 111 * SEC);
	assert_true(said("again 1 time (3 in all): "));
	flush();
	assert_true(said("again 1 time (4 in all): "));
}

static void test_full_again_after_the_window(void **state)
{
	struct wd_finding f = final(1);

	(void)state;
	give(&f, SEC);
	f.id = 2;
	give(&f, 300 * SEC);
	assert_int_equal(buf.len, 0);
	f.id = 3;
	give(&f, 301 * SEC);
	assert_true(said("FILTER DENIED (certain): "));
	assert_int_equal(wd_fold_stats(fold)->printed, 2);
}

/* What makes a failure another one. */
static void test_what_is_never_folded_together(void **state)
{
	struct wd_finding f[12];

	(void)state;
	for (size_t i = 0; i < 12; i++)
		f[i] = final(1 + i);
	strcpy(f[1].client.pod.name, "cart-1");
	f[2].client.comm = "wget";
	f[3].target.port++;
	f[4].target.ip.b[15]++;
	f[5].proto = WD_PROTO_UDP;
	f[6].cause = WD_CAUSE_NO_ROUTE;
	f[7].backend.ip.b[15]++;
	f[8].backend.known = false;
	f[9].outcome = WD_OUTCOME_ANSWERED_LATE;
	f[10].confidence = WD_CONFIDENCE_LIKELY;
	f[11].drop.reason = "IP_RPFILTER";
	for (size_t i = 0; i < 12; i++) {
		give(&f[i], 0);
		assert_true(lines() > 3);
	}
	assert_int_equal(wd_fold_stats(fold)->folded, 0);
	flush();
	assert_int_equal(buf.len, 0);
}

static void test_unknown_clients_are_told_apart(void **state)
{
	struct wd_finding f = final(1);

	(void)state;
	f.client.pod.name[0] = '\0';
	f.client.netns = NULL;
	f.client.host_known = false;
	give(&f, 0);
	f.id++;
	f.client.port++;
	give(&f, 0);
	assert_int_equal(buf.len, 0);
	f.id++;
	f.client.ip.b[15]++;
	give(&f, 0);
	assert_true(lines() > 3);
}

static void test_interim_confirmed(void **state)
{
	struct wd_finding f = interim(7);

	(void)state;
	give(&f, 0);
	assert_true(said("FILTER DENIED (certain), so far: unanswered, 3 SYN in 3.1 s"));
	/* The same again says nothing new. */
	give(&f, SEC);
	assert_int_equal(buf.len, 0);
	f = final(7);
	f.attempts = 7;
	f.elapsed_ms = 127000;
	give(&f, 127 * SEC);
	assert_buf(&buf, "12:04:31  ended: unanswered, 7 SYN in 127 s, error ETIMEDOUT; answer as "
	                 "shown: shop/cart-0 (curl) -> 10.96.156.220:443, FILTER DENIED\n");
	flush();
	assert_int_equal(buf.len, 0);
	assert_int_equal(wd_fold_tally(fold)->total, 1);
	assert_int_equal(wd_fold_stats(fold)->ended, 1);
}

static void test_interim_revised(void **state)
{
	struct wd_finding f = interim(7);

	(void)state;
	f.cause = WD_CAUSE_UNKNOWN;
	give(&f, 0);
	f = final(7);
	give(&f, SEC);
	assert_true(said("FILTER DENIED (certain): unanswered"));
	assert_true(
		said("revised   the same attempt as shown before as CAUSE UNKNOWN, unanswered\n"));
	assert_int_equal(wd_fold_tally(fold)->total, 1);
	assert_int_equal(wd_fold_tally(fold)->cause[WD_CAUSE_UNKNOWN], 0);
	assert_int_equal(wd_fold_tally(fold)->cause[WD_CAUSE_FILTER_DENIED], 1);
}

static void test_each_part_of_substance(void **state)
{
	(void)state;
	for (int part = 0; part < 5; part++) {
		struct wd_finding f = interim(100 + (uint64_t)part);

		assert_int_equal(begin_with(NULL), 0);
		give(&f, 0);
		f.final = true;
		switch (part) {
		case 0:
			f.cause = WD_CAUSE_NO_ROUTE;
			break;
		case 1:
			f.confidence = WD_CONFIDENCE_LIKELY;
			break;
		case 2:
			f.outcome = WD_OUTCOME_ANSWERED_LATE;
			break;
		case 3:
			f.backend.port++;
			break;
		default:
			f.backend.known = false;
		}
		give(&f, SEC);
		assert_true(said("revised "));
		assert_false(said("ended:"));
	}
}

/* An interim answer that was folded was never shown: its end is no news, and what it turns into
 * is no revision of something on the screen. */
static void test_folded_interim(void **state)
{
	struct wd_finding f = interim(1);

	(void)state;
	give(&f, 0);
	f.id = 2;
	give(&f, 0);
	assert_int_equal(buf.len, 0);
	f.id = 3;
	give(&f, 0);
	f = final(2);
	give(&f, SEC);
	assert_int_equal(buf.len, 0);
	f = final(3);
	f.cause = WD_CAUSE_NO_ROUTE;
	give(&f, SEC);
	assert_true(said("NO ROUTE"));
	assert_false(said("revised"));
	flush();
	assert_true(said("again 2 times: "));
	assert_int_equal(wd_fold_tally(fold)->total, 3);
	assert_int_equal(wd_fold_tally(fold)->cause[WD_CAUSE_NO_ROUTE], 1);
}

static void test_id_zero_is_no_id(void **state)
{
	struct wd_finding f = interim(0);

	(void)state;
	give(&f, 0);
	f.final = true;
	give(&f, 0);
	assert_false(said("ended"));
	flush();
	assert_true(said("again 1 time: "));
	assert_int_equal(wd_fold_tally(fold)->total, 2);
}

static struct wd_finding numbered(unsigned int i)
{
	struct wd_finding f = final(i + 1);

	snprintf(f.client.pod.name, sizeof(f.client.pod.name), "cart-%u", i);
	return f;
}

/* Many kinds at once: the most frequent by line, the rest as a sum, none left out. */
static void test_many_kinds(void **state)
{
	struct wd_finding f;

	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		for (unsigned int n = 0; n < 2 + i; n++) {
			f = numbered(i);
			f.id = i * 1000 + n + 1;
			give(&f, 0);
		}
	}
	flush();
	assert_int_equal(lines(), 9);
	assert_true(said("again 20 times: shop/cart-19 "));
	assert_true(said("again 13 times: shop/cart-12 "));
	/* 1 + 2 + ... + 12 */
	assert_true(said("          and 78 more like earlier ones, of 12 kinds\n"));
	flush();
	assert_int_equal(buf.len, 0);
}

static void test_groups_are_evicted(void **state)
{
	struct wd_fold_limits l = {.groups = 2, .attempts = 2};
	struct wd_finding f;

	(void)state;
	assert_int_equal(begin_with(&l), 0);
	for (unsigned int i = 0; i < 3; i++) {
		f = numbered(i);
		give(&f, 0);
		f.id += 100;
		give(&f, 0);
	}
	assert_int_equal(wd_fold_stats(fold)->groups_evicted, 1);
	flush();
	/* The one forgotten is still told. */
	assert_int_equal(lines(), 3);
	assert_true(said("and 1 more like earlier ones\n"));
	f = numbered(0);
	f.id = 999;
	give(&f, 0);
	assert_true(lines() > 3);
}

static void test_attempts_are_evicted(void **state)
{
	struct wd_fold_limits l = {.groups = 10, .attempts = 2};
	struct wd_finding f;

	(void)state;
	assert_int_equal(begin_with(&l), 0);
	for (unsigned int i = 0; i < 3; i++) {
		f = numbered(i);
		f.final = false;
		give(&f, 0);
	}
	assert_int_equal(wd_fold_stats(fold)->attempts_evicted, 1);
	f = numbered(2);
	give(&f, 0);
	assert_true(said("ended: "));
	f = numbered(0);
	give(&f, 0);
	assert_int_equal(buf.len, 0);
	assert_int_equal(wd_fold_stats(fold)->folded, 1);
}

/* Too long to be remembered: printed each time, never taken for another. */
static void test_longest_names(void **state)
{
	struct wd_finding f = final(1);

	(void)state;
	memset(f.client.pod.name, 'a', sizeof(f.client.pod.name) - 1);
	memset(f.backend.pod.name, 'b', sizeof(f.backend.pod.name) - 1);
	for (uint64_t i = 0; i < 3; i++) {
		f.id++;
		give(&f, 0);
		assert_true(lines() > 3);
	}
	assert_int_equal(wd_fold_stats(fold)->printed, 3);
}

static void test_hostile(void **state)
{
	struct wd_finding f = interim(1);

	(void)state;
	f.cause = (enum wd_cause)1000;
	f.outcome = (enum wd_outcome)1000;
	f.client.comm = "\x1b[2J\n12:04:31  ";
	give(&f, 0);
	assert_clean(&buf, 0);
	f.id++;
	give(&f, 0);
	flush();
	assert_clean(&buf, 0);
	assert_true(said("again 1 time: shop/cart-0 (\"\\x1b[2J\\n12:04:31  \") ->"));
	f.final = true;
	f.cause = WD_CAUSE_NO_ROUTE;
	give(&f, 0);
	assert_int_equal(wd_fold_tally(fold)->cause[WD_CAUSE_UNKNOWN], 1);
}

/* Random traffic against the one promise: printed + folded = given, and every folded one told. */
static void test_sums(void **state)
{
	struct wd_fold_limits l = {.groups = 8, .attempts = 8};
	uint64_t told = 0, given = 0, now = 0;

	(void)state;
	srandom(7);
	assert_int_equal(begin_with(&l), 0);
	for (int round = 0; round < 20000; round++) {
		struct wd_finding f = numbered((unsigned int)random() % 12);

		f.id = (uint64_t)round + 1;
		now += (uint64_t)random() % SEC;
		if (round == 19999) {
			flush();
		} else if (random() % 4) {
			give(&f, now);
			given++;
		} else {
			tick(now);
		}
		for (const char *s = buf.data, *end = s + buf.len; s < end;) {
			const char *nl = memchr(s, '\n', (size_t)(end - s));
			unsigned long long n;

			if (sscanf(s, "%*8c  again %llu time", &n) == 1 ||
			    sscanf(s, " and %llu more", &n) == 1)
				told += n;
			s = nl + 1;
		}
	}
	assert_int_equal(wd_fold_stats(fold)->printed + wd_fold_stats(fold)->folded, given);
	assert_int_equal(told, wd_fold_stats(fold)->folded);
	assert_true(told > 100);
	assert_true(wd_fold_stats(fold)->groups_evicted > 100);
}

static void test_limits(void **state)
{
	struct wd_fold_limits too_many = {.groups = UINT32_MAX};
	struct wd_fold_limits too_big = {.groups = 1u << 24};
	struct wd_fold *none = NULL;

	(void)state;
	assert_int_equal(wd_fold_new(&too_many, &none), -EINVAL);
	assert_null(none);
	assert_int_equal(wd_fold_new(&too_big, &none), -ENOMEM);
	assert_null(none);
	wd_fold_free(NULL);
}

static int release(void **state)
{
	(void)state;
	wd_buf_release(&buf);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_first_in_full_then_counted),
		TEST(test_told_at_most_every_ten_seconds),
		TEST(test_full_again_after_the_window),
		TEST(test_what_is_never_folded_together),
		TEST(test_unknown_clients_are_told_apart),
		TEST(test_interim_confirmed),
		TEST(test_interim_revised),
		TEST(test_each_part_of_substance),
		TEST(test_folded_interim),
		TEST(test_id_zero_is_no_id),
		TEST(test_many_kinds),
		TEST(test_groups_are_evicted),
		TEST(test_attempts_are_evicted),
		TEST(test_longest_names),
		TEST(test_hostile),
		TEST(test_sums),
		TEST(test_limits),
	};

	setenv("TZ", "UTC0", 1);
	tzset();
	wd_buf_init(&buf, 1 << 20);
	return cmocka_run_group_tests(tests, NULL, release);
}

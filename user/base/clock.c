/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts = {0};

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * WD_NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t wd_clock_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int64_t wd_clock_wall_offset_ns(void)
{
	uint64_t best = UINT64_MAX;
	int64_t offset = 0;

	/* The narrowest of a few brackets: the one that was not preempted. */
	for (int i = 0; i < 5; i++) {
		uint64_t before = clock_ns(CLOCK_MONOTONIC);
		uint64_t wall = clock_ns(CLOCK_REALTIME);
		uint64_t span = clock_ns(CLOCK_MONOTONIC) - before;

		if (span < best) {
			best = span;
			offset = (int64_t)(wall - (before + span / 2));
		}
	}
	return offset;
}

static char *put2(char *at, unsigned int v)
{
	at[0] = (char)('0' + v / 10 % 10);
	at[1] = (char)('0' + v % 10);
	return at + 2;
}

char *wd_clock_format_utc(uint64_t wall_ns, char buf[WD_TIME_STRLEN])
{
	uint64_t ms = wall_ns / WD_NSEC_PER_MSEC;
	uint32_t second = (uint32_t)(ms / 1000 % 86400);
	/* Days to a date: Howard Hinnant, "chrono-compatible low-level date algorithms",
	 * civil_from_days(); years here begin in March, eras have 400 of them. */
	uint32_t z = (uint32_t)(ms / 86400000) + 719468;
	uint32_t era = z / 146097, doe = z % 146097;
	uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	uint32_t mp = (5 * doy + 2) / 153;
	uint32_t day = doy - (153 * mp + 2) / 5 + 1;
	uint32_t month = mp < 10 ? mp + 3 : mp - 9;
	uint32_t year = yoe + era * 400 + (month <= 2);
	char *at = buf;

	at = put2(at, year / 100);
	at = put2(at, year);
	*at++ = '-';
	at = put2(at, month);
	*at++ = '-';
	at = put2(at, day);
	*at++ = 'T';
	at = put2(at, second / 3600);
	*at++ = ':';
	at = put2(at, second / 60 % 60);
	*at++ = ':';
	at = put2(at, second % 60);
	*at++ = '.';
	*at++ = (char)('0' + ms % 1000 / 100);
	at = put2(at, (unsigned int)(ms % 100));
	*at++ = 'Z';
	*at = '\0';
	return buf;
}

char *wd_clock_format_local(uint64_t wall_ns, char buf[9])
{
	time_t t = (time_t)(wall_ns / WD_NSEC_PER_SEC);
	struct tm tm = {0};
	char *at = buf;

	localtime_r(&t, &tm);
	at = put2(at, (unsigned int)tm.tm_hour);
	*at++ = ':';
	at = put2(at, (unsigned int)tm.tm_min);
	*at++ = ':';
	at = put2(at, (unsigned int)tm.tm_sec);
	*at = '\0';
	return buf;
}

char *wd_clock_format_span(uint64_t ms, char buf[WD_SPAN_STRLEN])
{
	unsigned long long s = ms / 1000;

	if (ms < 1000)
		snprintf(buf, WD_SPAN_STRLEN, "%llu ms", (unsigned long long)ms);
	else if (s < 10)
		snprintf(buf, WD_SPAN_STRLEN, "%llu.%llu s", s,
		         (unsigned long long)(ms / 100 % 10));
	else if (s < 600)
		snprintf(buf, WD_SPAN_STRLEN, "%llu s", s);
	else if (s < 2 * 3600)
		snprintf(buf, WD_SPAN_STRLEN, "%llu min %llu s", s / 60, s % 60);
	else if (s < 2 * 86400)
		snprintf(buf, WD_SPAN_STRLEN, "%llu h %llu min", s / 3600, s / 60 % 60);
	else
		snprintf(buf, WD_SPAN_STRLEN, "%llu d %llu h", s / 86400, s / 3600 % 24);
	return buf;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID/net/route and ipv6_route. */
#include "fuzz.h"

#include "node/procroute.h"

#define ZERO "00000000000000000000000000000000"

WD_FUZZ_TEXT_SEEDS(WD_FUZZ_TEXT("Iface\tDestination\tGateway "
                                "\tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
                                "d0\t00000000\tFE01010A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
                                "d0\t0001010A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
                                "*\t0000070A\t00000000\t0201\t0\t0\t7\t0000FFFF\t0\t0\t0\n"),
                   WD_FUZZ_TEXT(ZERO
                                " 00 " ZERO
                                " 00 fd0000000000000000000000000000fe 00000400 00000001 00000000 "
                                "00000003       d0\n"
                                "fd000000000000000000000000000000 40 " ZERO " 00 " ZERO
                                " 00000100 00000004 00000000 00000001       d0\n" ZERO " 00 " ZERO
                                " 00 " ZERO " ffffffff 00000002 00000000 00200200       lo\n"))

static void check(const struct wd_procroute *r, bool complete)
{
	WD_FUZZ_CHECK((unsigned int)r->fact.kind <= WD_ROUTE_UNICAST);
	WD_FUZZ_CHECK(memchr(r->fact.device, '\0', sizeof(r->fact.device)));
	WD_FUZZ_CHECK(complete || r->fact.kind != WD_ROUTE_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const dests[] = {"10.1.1.2", "10.7.0.1", "0.0.0.0", "fd00::5",
	                                    "2001:db8::1"};
	struct wd_procroute r;
	struct wd_addr a;

	for (size_t i = 0; i < sizeof(dests) / sizeof(dests[0]); i++) {
		bool complete = i % 2;

		if (wd_addr_parse(dests[i], &a))
			abort();
		if (wd_addr_is_v4(&a))
			wd_procroute_lookup4((const char *)data, size, complete, &a, &r);
		else
			wd_procroute_lookup6((const char *)data, size, complete, &a, &r);
		check(&r, complete);
	}
	return 0;
}

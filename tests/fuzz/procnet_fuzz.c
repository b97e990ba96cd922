/* SPDX-License-Identifier: Apache-2.0 */
/* The smaller files of /proc/PID and /proc/PID/net. */
#include "fuzz.h"

#include "node/procnet.h"

WD_FUZZ_TEXT_SEEDS(
	WD_FUZZ_TEXT("TcpExt: SyncookiesSent ListenOverflows ListenDrops IPReversePathFilter\n"
                     "TcpExt: 0 12 13 4\nIpExt: InNoRoutes\nIpExt: 0\n"),
	WD_FUZZ_TEXT("fd000000000000000000000000000001 02 40 00 80       d0\n"
                     "00000000000000000000000000000001 01 80 10 80       lo\n"
                     "fe80000000000000b47feafffe0d0001 02 40 20 08       d0\n"),
	WD_FUZZ_TEXT(
		"IP address       HW type     Flags       HW address            Mask     Device\n"
		"10.1.1.254       0x1         0x2         aa:bb:cc:dd:ee:ff     *        d0\n"
		"10.1.1.9         0x1         0x0         00:00:00:00:00:00     *        d0\n"
		"10.1.1.8         0x1         0xc         00:00:00:00:00:00     *        d0\n"),
	WD_FUZZ_TEXT(
		"4711 (a b) c) R) S 1 4711 4711 0 -1 4194304 100 0 0 0 1 2 3 4 20 0 1 0 123456 "
		"1000 10 18446744073709551615\n"),
	WD_FUZZ_TEXT("net:[4026531840]"))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct wd_span rest = wd_span(text, size);
	struct wd_addr a = wd_addr_from_v4(0xfe01010a); /* 10.1.1.254, little-endian */
	uint64_t v = 77;
	size_t n = 0;

	if (wd_procnet_counter(text, size, "TcpExt", "ListenOverflows", &v) < 0)
		WD_FUZZ_CHECK(v == 77);
	wd_procnet_counter(text, size, "TcpExt", "IPReversePathFilter", &v);
	WD_FUZZ_CHECK((unsigned int)wd_procnet_arp(text, size, true, &a, "d0") <=
	              WD_NEIGH_RESOLVED);
	WD_FUZZ_CHECK(wd_procnet_arp(text, size, false, &a, "d1") != WD_NEIGH_NONE);
	while (wd_procnet_inet6_next(&rest, &a))
		WD_FUZZ_CHECK(++n <= size);
	v = 77;
	if (wd_procnet_start_ticks(text, size, &v) < 0)
		WD_FUZZ_CHECK(v == 77);
	wd_procnet_ns_inode(text, size);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID/net/tcp, tcp6, udp, udp6. */
#include "fuzz.h"

#include "node/procsock.h"

#define HEAD4                                                                                 \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  " \
	"timeout inode\n"
#define TAIL                                                                                       \
	" 00000000:00000000 00:00000000 00000000     0        0 12345 1 0000000000000000 100 0 0 " \
	"10 0\n"

WD_FUZZ_TEXT_SEEDS(
	WD_FUZZ_TEXT(HEAD4
                     "   0: 0100007F:0050 00000000:0000 0A" TAIL
                     "   1: 00000000:01BB 00000000:0000 0A 00000000:00000007 00:00000000 00000000 "
                     "    0        0 12345 1 0000000000000000 100 0 0 10 0\n"
                     "   2: 0500F40A:01BB 0600F40A:9C40 01" TAIL),
	WD_FUZZ_TEXT(HEAD4 "   0: 00000000000000000000000000000000:0050 "
                           "00000000000000000000000000000000:0000 0A" TAIL
                           "   1: 0000000000000000FFFF00000500F40A:0050 "
                           "00000000000000000000000000000000:0000 07" TAIL))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const dests[] = {"10.244.0.5", "127.0.0.1", "fd00::5", "::1"};

	for (size_t i = 0; i < 4; i++) {
		for (int tcp = 0; tcp < 2; tcp++) {
			struct wd_procsock q;
			struct wd_addr a;

			if (wd_addr_parse(dests[i], &a))
				abort();
			wd_procsock_init(&q, &a, 80);
			wd_procsock_read(&q, tcp ? WD_PROCSOCK_TCP : WD_PROCSOCK_UDP,
			                 (const char *)data, size);
			wd_procsock_read(&q, tcp ? WD_PROCSOCK_TCP6 : WD_PROCSOCK_UDP6,
			                 (const char *)data, size);
			WD_FUZZ_CHECK(q.n_ports <= WD_FACTS_PORTS_MAX);
			for (unsigned int k = 0; k < q.n_ports; k++)
				WD_FUZZ_CHECK(q.ports[k] && q.ports[k] != 80 &&
				              (!k || q.ports[k - 1] < q.ports[k]));
			WD_FUZZ_CHECK((unsigned int)wd_procsock_verdict(&q, true) <=
			              WD_LISTENER_PRESENT);
			WD_FUZZ_CHECK(wd_procsock_verdict(&q, false) != WD_LISTENER_NONE);
			wd_procsock_queue(&q);
		}
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One record of the ring. */
#include "records.h"

size_t wd_fuzz_seed(size_t i, uint8_t buf[WD_FUZZ_MAX])
{
	union fuzz_record r;
	size_t n;

	if (i >= WD_ABI_TYPE_MAX - 1)
		return 0;
	n = fuzz_record(&r, (unsigned int)i + 1, 1, 123456789);
	memcpy(buf, r.bytes, n);
	return n;
}

static void check_text(const char *s, size_t size)
{
	WD_FUZZ_CHECK(memchr(s, '\0', size));
}

static void check_verdict(const struct wd_event_verdict *v)
{
	WD_FUZZ_CHECK(v->by > WD_BY_UNKNOWN && v->by <= WD_BY_NFT);
	WD_FUZZ_CHECK((unsigned int)v->hook < WD_HOOK_MAX);
	WD_FUZZ_CHECK(!v->table || (v->table[0] && strlen(v->table) < WD_CHAIN_NAME_LEN));
	WD_FUZZ_CHECK(!v->chain || (v->chain[0] && strlen(v->chain) < WD_CHAIN_NAME_LEN));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wd_event e;
	int r;

	memset(&e, 0, sizeof(e));
	r = wd_record_parse(data, size, fuzz_names(), &e);
	WD_FUZZ_CHECK(r <= 0);
	if (r < 0)
		return 0;
	WD_FUZZ_CHECK((unsigned int)e.kind < WD_EVENT_MAX);
	switch (e.kind) {
	case WD_EVENT_CONN:
		WD_FUZZ_CHECK((unsigned int)e.conn.trigger < WD_CONN_TRIGGER_MAX);
		WD_FUZZ_CHECK(e.conn.err >= 0);
		check_text(e.conn.owner.comm, sizeof(e.conn.owner.comm));
		break;
	case WD_EVENT_CONNECT:
		WD_FUZZ_CHECK(e.connect.err >= 0);
		check_text(e.connect.owner.comm, sizeof(e.connect.owner.comm));
		break;
	case WD_EVENT_DROP:
		WD_FUZZ_CHECK((unsigned int)e.drop.hook < WD_HOOK_MAX);
		WD_FUZZ_CHECK(e.drop.count == 1 && !e.drop.key);
		check_text(e.drop.device, sizeof(e.drop.device));
		break;
	case WD_EVENT_SOCK_ERROR:
		WD_FUZZ_CHECK(e.sock_error.err >= 0);
		check_text(e.sock_error.owner.comm, sizeof(e.sock_error.owner.comm));
		break;
	case WD_EVENT_PACKET:
		WD_FUZZ_CHECK(e.packet.sight > WD_SIGHT_DROP && e.packet.sight < WD_SIGHT_MAX);
		check_text(e.packet.device, sizeof(e.packet.device));
		break;
	case WD_EVENT_SNAP:
		WD_FUZZ_CHECK((unsigned int)e.snap.sight < WD_SIGHT_MAX);
		WD_FUZZ_CHECK(e.snap.caplen <= sizeof(e.snap.data) && e.snap.len >= e.snap.caplen);
		check_text(e.snap.device, sizeof(e.snap.device));
		break;
	case WD_EVENT_LISTEN_FULL:
		WD_FUZZ_CHECK(e.listen.kind >= WD_LISTEN_ACCEPT_SYN &&
		              e.listen.kind <= WD_LISTEN_ACCEPT_ACK);
		break;
	case WD_EVENT_VERDICT:
		check_verdict(&e.verdict);
		break;
	case WD_EVENT_ICMP_SENT:
	case WD_EVENT_RESET_SENT:
	case WD_EVENT_SYNACK_RETRANS:
	case WD_EVENT_MAX:
		break;
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture files: events and findings with any content, in any order; what is written is read
 * back by the tests' own reader, whole.
 */
#include "fuzz.h"

#include "output/capture.h"
#include "tests/unit/output/blocks.h"

WD_FUZZ_TEXT_SEEDS(WD_FUZZ_TEXT("pE0000000000000000000000000000000000000000000000000000000000000000"
                                "p`0000000000000000000000000000000000000000000000000000000000000000"
                                "fFILTER\x1b[31m\xe2\x80\xae\n\xff\x9b DENIED 0000000000000000000"),
                   WD_FUZZ_TEXT("p11111111F11111111p11111111f1111111p2222222222f33333333f4444444"))

struct input {
	const uint8_t *p;
	size_t n;
};

static void take(struct input *in, void *to, size_t n)
{
	size_t have = n < in->n ? n : in->n;

	memset(to, 0, n);
	if (have)
		memcpy(to, in->p, have);
	in->p += have;
	in->n -= have;
}

static uint8_t take_byte(struct input *in)
{
	uint8_t b;

	take(in, &b, 1);
	return b;
}

/* Few addresses and ports, so that packets and findings meet. */
static struct wd_tuple take_tuple(struct input *in)
{
	struct wd_tuple t;

	memset(&t, 0, sizeof(t));
	t.saddr.b[15] = take_byte(in) & 3;
	t.daddr.b[15] = take_byte(in) & 3;
	t.sport = take_byte(in) & 3;
	t.dport = take_byte(in) & 1;
	t.proto = WD_PROTO_TCP;
	return t;
}

/* Texts of the finding or event in turn: as long as the run. */
static const char *take_text(struct input *in, char text[32])
{
	if (take_byte(in) & 1)
		return NULL;
	take(in, text, 31);
	text[31] = '\0';
	return text;
}

static void put_packet(struct wd_capture *c, struct wd_buf *b, struct input *in)
{
	static char reason[32], function[32];
	struct wd_event e = {.kind = WD_EVENT_SNAP, .tuple = take_tuple(in)};

	e.ts_ns = take_byte(in);
	e.snap.sight = (enum wd_sight)(take_byte(in) % WD_SIGHT_MAX);
	e.snap.ifindex = take_byte(in) & 3;
	e.snap.has_ct = take_byte(in) & 1;
	if (e.snap.has_ct)
		e.snap.ct_orig = take_tuple(in);
	e.snap.reason = take_text(in, reason);
	e.snap.function = take_text(in, function);
	take(in, e.snap.device, sizeof(e.snap.device));
	e.snap.caplen = take_byte(in);
	e.snap.len = take_byte(in);
	take(in, e.snap.data, sizeof(e.snap.data));
	wd_capture_packet(c, b, &e, 1795349000000000000ll);
}

static void put_finding(struct wd_capture *c, struct wd_buf *b, struct input *in, bool final)
{
	char summary[32], where[32], comm[32], netns[32], reason[32];
	struct wd_tuple t = take_tuple(in);
	struct wd_finding f = {.final = final, .proto = t.proto};

	f.cause = (enum wd_cause)(take_byte(in) % WD_CAUSE_MAX);
	f.confidence = (enum wd_confidence)(take_byte(in) % WD_CONFIDENCE_MAX);
	f.outcome = (enum wd_outcome)(take_byte(in) % WD_OUTCOME_MAX);
	f.err = take_byte(in);
	f.client.ip = t.saddr;
	f.client.port = t.sport;
	f.target.ip = t.daddr;
	f.target.port = t.dport;
	f.backend.known = take_byte(in) & 1;
	f.backend.ip.b[15] = take_byte(in) & 3;
	take(in, f.client.pod.name, 16);
	f.summary = take_text(in, summary);
	f.where = take_text(in, where);
	f.client.comm = take_text(in, comm);
	f.client.netns = take_text(in, netns);
	f.drop.known = take_byte(in) & 1;
	f.drop.reason = take_text(in, reason);
	f.drop.device = f.summary;
	wd_capture_finding(c, b, &f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct wd_capture_limits small = {.open = 3, .answered = 2, .packets = 32};
	static struct blocks got;
	struct input in = {data, size};
	struct wd_capture *c = NULL;
	struct wd_buf b;
	const char *wrong;

	WD_FUZZ_CHECK(wd_capture_new(&small, &c) == 0);
	wd_buf_init(&b, 1 << 20);
	wd_capture_start(&b, &(struct wd_pcapng_section){.os = "Linux"});
	while (in.n) {
		uint8_t what = take_byte(&in);

		if (what == 'f' || what == 'F')
			put_finding(c, &b, &in, what == 'F');
		else
			put_packet(c, &b, &in);
	}
	wd_capture_finish(c, &b);
	WD_FUZZ_CHECK(!b.err);
	wrong = blocks_read(&got, b.data, b.len);
	if (wrong)
		fprintf(stderr, "%s\n", wrong);
	WD_FUZZ_CHECK(!wrong);
	WD_FUZZ_CHECK(got.packets == wd_capture_counts(c)->packets);
	wd_buf_release(&b);
	wd_capture_free(c);
	return 0;
}

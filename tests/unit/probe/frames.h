/* SPDX-License-Identifier: Apache-2.0 */
/* Frames, piece by piece; and the packet hooks' programs, run on them in the kernel. */
#ifndef WD_UNIT_PROBE_FRAMES_H
#define WD_UNIT_PROBE_FRAMES_H

#include "probe/hooks_wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "wire.skel.h"

#define FIN 1
#define SYN 2
#define RST 4
#define PSH 8
#define ACK 16

static struct wd_wire *skel;
static struct ring_buffer *ring;

/* what the last run wrote */
static struct wd_abi_packet packet;
static struct wd_abi_snap snap;
static unsigned int packets, snaps;

static inline int on_record(void *ctx, void *data, size_t size)
{
	const struct wd_abi_hdr *h = data;

	(void)ctx;
	if (h->type == WD_ABI_PACKET && size == sizeof(packet)) {
		memcpy(&packet, data, size);
		packets++;
	} else if (h->type == WD_ABI_SNAP && size == sizeof(snap)) {
		memcpy(&snap, data, size);
		snaps++;
	}
	return 0;
}

static inline int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static inline int load(void **state)
{
	(void)state;
	libbpf_set_print(quiet);
	skel = wd_wire__open();
	if (!skel)
		return -1;
	skel->rodata->wd_wire_snap = true;
	if (wd_wire__load(skel) < 0) {
		wd_wire__destroy(skel);
		skel = NULL;
		return 0;
	}
	skel->bss->wd_match = WD_MATCH_ALL;
	ring = ring_buffer__new(bpf_map__fd(skel->maps.wd_ring), on_record, NULL, NULL);
	return ring ? 0 : -1;
}

static inline int unload(void **state)
{
	(void)state;
	ring_buffer__free(ring);
	wd_wire__destroy(skel);
	return 0;
}

/* ---- frames ---------------------------------------------------------------------------- */

struct frame {
	uint8_t b[512];
	unsigned int len;
};

static struct frame f;

static inline void bytes(const void *data, unsigned int n)
{
	memcpy(f.b + f.len, data, n);
	f.len += n;
}

static inline void u8(unsigned int v)
{
	f.b[f.len++] = (uint8_t)v;
}

static inline void u16(unsigned int v)
{
	u8(v >> 8);
	u8(v & 0xff);
}

static inline void u32(unsigned int v)
{
	u16(v >> 16);
	u16(v & 0xffff);
}

static inline void zeros(unsigned int n)
{
	while (n--)
		u8(0);
}

static inline void ethernet(unsigned int type)
{
	f.len = 0;
	bytes("\2\0\0\0\0\1\2\0\0\0\0\2", 12);
	u16(type);
}

static inline void tag(unsigned int type)
{
	u16(100);
	u16(type);
}

/* payload: bytes behind the header, as the header says; words: of options; frag: the field */
static inline void ip4_with(unsigned int proto, unsigned int payload, unsigned int words,
                            unsigned int frag)
{
	u8(0x45 + words);
	u8(0);
	u16(20 + words * 4 + payload);
	u16(1);
	u16(frag);
	u8(61);
	u8(proto);
	u16(0);
	bytes("\xc0\0\2\1\xc6\x33\x64\2", 8); /* 192.0.2.1 > 198.51.100.2 */
	for (unsigned int i = 0; i < words; i++)
		u32(0x01010101); /* no operation */
}

static inline void ip4(unsigned int proto, unsigned int payload)
{
	ip4_with(proto, payload, 0, 0x4000);
}

static inline void ip6(unsigned int next, unsigned int payload)
{
	u32(0x60000000);
	u16(payload);
	u8(next);
	u8(61);
	bytes("\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	bytes("\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2", 16);
}

static inline void extension(unsigned int next, unsigned int units)
{
	u8(next);
	u8(units);
	zeros(6 + units * 8);
}

static inline void fragment(unsigned int next, unsigned int offset)
{
	u8(next);
	u8(0);
	u16(offset << 3);
	u32(7);
}

static inline void tcp_with(unsigned int flags, unsigned int words)
{
	u16(40000);
	u16(443);
	u32(0x11223344);
	u32(0x55667788);
	u8((5 + words) << 4);
	u8(flags);
	u16(1000);
	u32(0);
	zeros(words * 4);
}

static inline void tcp(unsigned int flags)
{
	tcp_with(flags, 0);
}

static inline void udp(unsigned int from, unsigned int to, unsigned int payload)
{
	u16(from);
	u16(to);
	u16(8 + payload);
	u16(0);
}

static inline void dns(void)
{
	u16(0xbeef);
	u16(0x8183); /* NXDOMAIN */
	zeros(8);
	bytes("\7example", 8);
}

static inline void icmp(unsigned int type, unsigned int code)
{
	u8(type);
	u8(code);
	zeros(6);
}

static inline void tcp_start(void)
{
	u16(40000);
	u16(443);
	u32(0x11223344);
}

/* ---- runs ------------------------------------------------------------------------------ */

static inline void run_program(int fd, uint32_t verdict)
{
	uint8_t out[sizeof(f.b)];
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f.b, .data_size_in = f.len, .data_out = out,
	            .data_size_out = sizeof(out), .repeat = 1);
	int r;

	packets = snaps = 0;
	skel->bss->wd_wire_heartbeat = wd_clock_monotonic_ns();
	r = bpf_prog_test_run_opts(fd, &o);
	/* the kernel itself refuses to try frames without room for a network header */
	if (r == -EINVAL && f.len < 14 + 40)
		return;
	assert_int_equal(r, 0);
	assert_int_equal(o.retval, verdict);
	assert_int_equal(o.data_size_out, f.len);
	assert_memory_equal(out, f.b, f.len);
	assert_true(ring_buffer__consume(ring) >= 0);
	assert_int_equal(packets, snaps);
}

static inline void run_tc(void)
{
	run_program(bpf_program__fd(skel->progs.wd_wire_in), 0xffffffff);
}

/* Whether it was told; by both kinds of program the same. */
static inline bool told(void)
{
	struct wd_abi_packet by_tc;
	struct wd_abi_snap snap_by_tc;
	unsigned int n;

	run_tc();
	n = packets;
	by_tc = packet;
	snap_by_tc = snap;
	run_program(bpf_program__fd(skel->progs.wd_wire_out), 0xffffffff);
	assert_int_equal(packets, n);
	assert_int_equal(!n || packet.sight == WD_ABI_SIGHT_OUT, 1);
	run_program(bpf_program__fd(skel->progs.wd_wire_xdp), 2);
	assert_int_equal(packets, n);
	if (!n)
		return false;
	assert_int_equal(n, 1);
	assert_int_equal(by_tc.sight, WD_ABI_SIGHT_IN);
	assert_int_equal(packet.sight, WD_ABI_SIGHT_XDP);
	by_tc.sight = packet.sight;
	by_tc.hdr.ts_ns = packet.hdr.ts_ns;
	by_tc.ifindex = packet.ifindex;
	assert_memory_equal(&by_tc, &packet, sizeof(packet));
	snap_by_tc.sight = snap.sight;
	snap_by_tc.hdr.ts_ns = snap.hdr.ts_ns;
	snap_by_tc.ifindex = snap.ifindex;
	assert_memory_equal(&snap_by_tc, &snap, sizeof(snap));
	return true;
}

static inline void assert_snap(unsigned int from, unsigned int n)
{
	assert_int_equal(snap.caplen, n);
	assert_memory_equal(snap.data, f.b + from, n);
	for (unsigned int i = n; i < sizeof(snap.data); i++)
		assert_int_equal(snap.data[i], 0);
}

#define needs_kernel()          \
	do {                    \
		(void)state;    \
		if (!skel)      \
			skip(); \
	} while (0)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Devices and routes as rtnetlink tells them. */
#include "node/devices.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

/* ---- messages ---------------------------------------------------------------------------- */

struct message {
	_Alignas(8) uint8_t b[1024];
	size_t n;
};

static size_t put(struct message *m, uint16_t type, const void *data, size_t n)
{
	struct rtattr a = {.rta_len = (unsigned short)RTA_LENGTH(n), .rta_type = type};
	size_t at = m->n;

	memcpy(m->b + at, &a, sizeof(a));
	if (n)
		memcpy(m->b + at + RTA_LENGTH(0), data, n);
	m->n += RTA_ALIGN(a.rta_len);
	return at;
}

static void put_u32(struct message *m, uint16_t type, uint32_t v)
{
	put(m, type, &v, sizeof(v));
}

static void nest_end(struct message *m, size_t at)
{
	unsigned short n = (unsigned short)(m->n - at);

	memcpy(m->b + at, &n, sizeof(n));
}

static struct message link_message(int ifindex, const char *name, const char *type,
                                   unsigned int flags)
{
	struct ifinfomsg h = {.ifi_index = ifindex, .ifi_flags = flags};
	struct message m = {.n = sizeof(h)};
	size_t info;

	memcpy(m.b, &h, sizeof(h));
	put(&m, IFLA_IFNAME, name, strlen(name) + 1);
	if (!type)
		return m;
	info = put(&m, IFLA_LINKINFO, NULL, 0);
	put(&m, IFLA_INFO_KIND, type, strlen(type) + 1);
	nest_end(&m, info);
	return m;
}

/* Room of exactly the message's size, so that a reader that goes too far is caught. */
static int parse_link(const struct message *m, size_t n, struct wd_device *ret)
{
	uint8_t *copy = malloc(n ? n : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, m->b, n);
	r = wd_devices_parse(copy, n, ret);
	free(copy);
	return r;
}

static void test_a_veth(void **state)
{
	struct message m = link_message(7, "vethc2de33a4", "veth", IFF_UP);
	struct wd_device d;
	size_t xdp;

	(void)state;
	put_u32(&m, IFLA_MASTER, 3);
	put_u32(&m, IFLA_LINK, 2);
	put_u32(&m, IFLA_LINK_NETNSID, 4);
	xdp = put(&m, IFLA_XDP, NULL, 0);
	put(&m, IFLA_XDP_ATTACHED, &(uint8_t){XDP_ATTACHED_DRV}, 1);
	nest_end(&m, xdp);
	assert_int_equal(parse_link(&m, m.n, &d), 0);
	assert_int_equal(d.ifindex, 7);
	assert_int_equal(d.master, 3);
	assert_int_equal(d.peer, 2);
	assert_int_equal(d.nsid, 4);
	assert_true(d.up && d.xdp);
	assert_string_equal(d.name, "vethc2de33a4");
	assert_string_equal(d.type, "veth");
	m = link_message(1, "lo", NULL, IFF_UP | IFF_LOOPBACK);
	assert_int_equal(parse_link(&m, m.n, &d), 0);
	assert_string_equal(d.type, "loopback");
	assert_int_equal(d.nsid, -1);
}

static void test_hostile_messages(void **state)
{
	struct message m = link_message(7, "a-name-that-is-much-longer-than-the-kernel-allows",
	                                "a-kind-that-is-longer-than-sixteen", IFF_UP);
	struct wd_device d;

	(void)state;
	put(&m, IFLA_LINK_NETNSID, "x", 1);
	put(&m, IFLA_MASTER, "x", 1);
	put(&m, IFLA_XDP, "x", 1);
	assert_int_equal(parse_link(&m, m.n, &d), 0);
	assert_int_equal(strlen(d.name), 15);
	assert_int_equal(strlen(d.type), 15);
	assert_int_equal(d.nsid, -1);
	assert_int_equal(d.master, 0);
	for (size_t n = 0; n < m.n; n++)
		(void)parse_link(&m, n, &d);
	assert_int_equal(parse_link(&m, sizeof(struct ifinfomsg) - 1, &d), -EINVAL);
	m = link_message(0, "x", NULL, 0);
	assert_int_equal(parse_link(&m, m.n, &d), -EINVAL);
}

/* ---- what a device is good for ----------------------------------------------------------- */

static struct wd_device device(uint32_t ifindex, const char *type)
{
	struct wd_device d = {.ifindex = ifindex, .nsid = -1, .up = true};

	strcpy(d.type, type);
	return d;
}

static void test_kinds(void **state)
{
	struct wd_device v[] = {
		[0] = device(1, "loopback"), [1] = device(2, ""),        [2] = device(3, "bridge"),
		[3] = device(4, "veth"),     [4] = device(5, "veth"),    [5] = device(6, "veth"),
		[6] = device(7, "bridge"),   [7] = device(8, ""),        [8] = device(9, "bond"),
		[9] = device(10, ""),        [10] = device(11, "vxlan"), [11] = device(12, "dummy"),
		[12] = device(13, "vlan"),   [13] = device(14, "veth"),  [14] = device(15, ""),
		[15] = device(16, "netkit"), [16] = device(17, "veth"),
	};
	struct wd_devices all = {.v = v, .n = sizeof(v) / sizeof(v[0])};
	static const enum wd_device_kind expected[] = {
		WD_DEVICE_INSIDE,  /* lo */
		WD_DEVICE_OUTWARD, /* hardware */
		WD_DEVICE_INSIDE,  /* a bridge of pods */
		WD_DEVICE_POD,     /* ... whose ports are */
		WD_DEVICE_POD,     /* a routed pod */
		WD_DEVICE_OUTWARD, /* the node is a container itself */
		WD_DEVICE_OUTWARD, /* a bridge with a card in it */
		WD_DEVICE_INSIDE,  /* ... that card */
		WD_DEVICE_OUTWARD, /* bond */
		WD_DEVICE_INSIDE,  /* ... its part */
		WD_DEVICE_OUTWARD, /* overlay */
		WD_DEVICE_INSIDE,  /* kube-ipvs0 */
		WD_DEVICE_OUTWARD, /* vlan */
		WD_DEVICE_INSIDE,  /* both ends here */
		WD_DEVICE_INSIDE,  /* down */
		WD_DEVICE_POD,     /* netkit */
		WD_DEVICE_POD,     /* ptp: a single address on the host side */
	};

	(void)state;
	v[3].master = 3;
	v[3].nsid = 0;
	v[4].nsid = 1;
	v[5].nsid = 2;
	v[5].subnet = true;
	v[7].master = 7;
	v[9].master = 9;
	v[14].up = false;
	v[15].nsid = 3;
	v[16].nsid = 4;
	wd_devices_classify(&all);
	for (size_t i = 0; i < all.n; i++)
		if (v[i].kind != expected[i])
			fail_msg("device %zu (%s) is %d, not %d", i, v[i].type, v[i].kind,
			         expected[i]);
	assert_ptr_equal(wd_devices_find(&all, 9), &v[8]);
	assert_null(wd_devices_find(&all, 99));
}

/* ---- routes ------------------------------------------------------------------------------ */

static int parse_route(const struct message *m, size_t n, struct wd_route_answer *ret)
{
	uint8_t *copy = malloc(n ? n : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, m->b, n);
	r = wd_route_parse(copy, n, ret);
	free(copy);
	return r;
}

static struct message route_message(uint8_t family, uint8_t type)
{
	struct rtmsg h = {.rtm_family = family, .rtm_type = type};
	struct message m = {.n = sizeof(h)};

	memcpy(m.b, &h, sizeof(h));
	return m;
}

static void test_routes(void **state)
{
	struct message m = route_message(AF_INET, RTN_UNICAST);
	struct wd_addr via4, via6;
	struct wd_route_answer r;
	uint8_t rtvia[18] = {AF_INET6, 0};

	(void)state;
	assert_int_equal(wd_addr_parse("198.18.0.1", &via4), 0);
	assert_int_equal(wd_addr_parse("fe80::1", &via6), 0);
	put_u32(&m, RTA_OIF, 5);
	put_u32(&m, RTA_GATEWAY, wd_addr_v4(&via4));
	assert_int_equal(parse_route(&m, m.n, &r), 0);
	assert_int_equal(r.kind, WD_ROUTE_UNICAST);
	assert_int_equal(r.oif, 5);
	assert_true(r.has_via && wd_addr_equal(&r.via, &via4));
	for (size_t n = 0; n < m.n; n++)
		(void)parse_route(&m, n, &r);
	assert_int_equal(parse_route(&m, sizeof(struct rtmsg) - 1, &r), -EINVAL);

	m = route_message(AF_INET6, RTN_UNICAST);
	put(&m, RTA_GATEWAY, via6.b, 16);
	assert_int_equal(parse_route(&m, m.n, &r), 0);
	assert_true(r.has_via && wd_addr_equal(&r.via, &via6));

	m = route_message(AF_INET, RTN_UNICAST);
	memcpy(rtvia + 2, via6.b, 16);
	put(&m, RTA_VIA, rtvia, sizeof(rtvia));
	assert_int_equal(parse_route(&m, m.n, &r), 0);
	assert_true(r.has_via && wd_addr_equal(&r.via, &via6));

	m = route_message(AF_INET6, RTN_UNICAST);
	put_u32(&m, RTA_GATEWAY, 1);
	put(&m, RTA_VIA, rtvia, 4);
	assert_int_equal(parse_route(&m, m.n, &r), 0);
	assert_false(r.has_via);

	m = route_message(AF_INET, RTN_LOCAL);
	assert_int_equal(parse_route(&m, m.n, &r), 0);
	assert_int_equal(r.kind, WD_ROUTE_LOCAL);
	m = route_message(AF_INET, RTN_PROHIBIT);
	assert_int_equal(parse_route(&m, m.n, &r), 0);
	assert_int_equal(r.kind, WD_ROUTE_REJECT);
	m = route_message(AF_INET, RTN_MULTICAST);
	assert_int_equal(parse_route(&m, m.n, &r), 0);
	assert_int_equal(r.kind, WD_ROUTE_UNKNOWN);
}

/* Needs no privileges: the namespace in which the tests run has at least a loopback. */
static void test_the_real_thing(void **state)
{
	struct wd_devices all = {0};
	struct wd_tuple t = {.proto = WD_PROTO_TCP};
	struct wd_route_answer a;
	struct wd_rtnl *r = NULL;
	int32_t id;

	(void)state;
	if (wd_rtnl_new(&r) < 0)
		skip();
	assert_true(wd_rtnl_changed(r));
	assert_false(wd_rtnl_changed(r));
	assert_int_equal(wd_devices_read(r, &all), 0);
	assert_true(all.n >= 1);
	for (size_t i = 1; i < all.n; i++)
		assert_true(all.v[i - 1].ifindex < all.v[i].ifindex);
	assert_int_equal(wd_devices_read(r, &all), 0);
	assert_int_equal(wd_addr_parse("127.0.0.1", &t.daddr), 0);
	if (wd_rtnl_route(r, &t, 0, &a) == 0)
		assert_int_equal(a.kind, WD_ROUTE_LOCAL);
	assert_true(wd_rtnl_nsid(r, -1, &id) < 0);
	assert_false(wd_rtnl_has_filters(r, all.v[0].ifindex));
	wd_devices_release(&all);
	wd_rtnl_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_veth),         cmocka_unit_test(test_hostile_messages),
		cmocka_unit_test(test_kinds),          cmocka_unit_test(test_routes),
		cmocka_unit_test(test_the_real_thing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

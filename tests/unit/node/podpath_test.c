/* SPDX-License-Identifier: Apache-2.0 */
#include "node/podpath.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define UID   "0f7a1c9e-2b3d-4e5f-8a9b-0c1d2e3f4a5b"
#define UID_  "0f7a1c9e_2b3d_4e5f_8a9b_0c1d2e3f4a5b"
#define UID2  "11111111-2222-3333-4444-555555555555"
#define UID2_ "11111111_2222_3333_4444_555555555555"
#define HASH  "6f1d6e3f5a0b4c2d8e9f0a1b2c3d4e5f"
#define CID2  "0000000000000000000000000000000000000000000000000000000000000000"
#define CID   "9c1185a5c5e9fc54612808977ee8f548b2258d31ddadef707bd8ad9ae6cf1b8d"

static void names_obey_rfc1123(void **state)
{
	static const char *const good[] = {"a", "kube-system", "0", "a--b"};
	static const char *const bad[] = {"",    "-a",  "a-",  "A",       "a_b",
	                                  "a.b", "a b", "a\n", "\xc3\xa4"};
	char text[300];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(wd_podpath_is_label(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(wd_podpath_is_label(bad[i], strlen(bad[i])));
	memset(text, 'a', sizeof(text));
	assert_true(wd_podpath_is_label(text, 63));
	assert_false(wd_podpath_is_label(text, 64));
	assert_true(wd_podpath_is_subdomain(text, 253));
	assert_false(wd_podpath_is_subdomain(text, 254));
	assert_true(wd_podpath_is_subdomain("cart-0.v1", 9));
	assert_false(wd_podpath_is_subdomain("a..b", 4));
	assert_false(wd_podpath_is_subdomain("a.-b", 4));
	assert_false(wd_podpath_is_subdomain("a/b", 3));
	assert_false(wd_podpath_is_subdomain(".", 1));
	assert_false(wd_podpath_is_subdomain("a\0b", 3));
}

static void finds_the_pod_of_a_cgroup(void **state)
{
	static const struct {
		const char *path, *uid;
	} cases[] = {
		/* cgroupfs driver: containerd, docker */
		{"/kubepods/burstable/pod" UID "/" CID, UID},
		{"/kubepods/besteffort/pod" UID, UID},
		{"/kubepods/pod" UID "/" CID "/init.scope", UID},
		{"/docker/" CID "/kubelet/kubepods/burstable/pod" UID "/" CID, UID},
		/* systemd driver: containerd, cri-o, docker */
		{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_
	         ".slice/cri-containerd-" CID ".scope",
	         UID},
		{"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_
	         ".slice/crio-" CID ".scope/container",
	         UID},
		{"/kubepods.slice/kubepods-pod" UID_ ".slice/docker-" CID ".scope", UID},
		{"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
	         "kubelet-kubepods-burstable-pod" UID_ ".slice/cri-containerd-" CID ".scope",
	         UID},
		/* kubelet with systemd, containerd without */
		{"/system.slice/containerd.service/kubepods-burstable-pod" UID_
	         ".slice:cri-containerd:" CID,
	         UID},
		/* static pod */
		{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" HASH
	         ".slice/cri-containerd-" CID ".scope",
	         HASH},
		{"/kubepods/burstable/pod" HASH "/" CID, HASH},
		/* seen from another cgroup namespace */
		{"/../../kubepods-burstable-pod" UID_ ".slice/cri-containerd-" CID ".scope", UID},
		/* what a pod makes below itself is still that pod's */
		{"/kubepods/burstable/pod" UID "/" CID "/kubepods/burstable/pod" UID2, UID},
		{"/kubepods.slice/kubepods-pod" UID_ ".slice/x.scope/kubepods-pod" UID2_ ".slice",
	         UID},
	};
	struct wd_pod_uid uid;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(wd_podpath_cgroup_uid(cases[i].path, strlen(cases[i].path), &uid));
		assert_string_equal(uid.text, cases[i].uid);
	}
}

static void finds_the_container_of_a_cgroup(void **state)
{
	static const struct {
		const char *path, *id;
	} cases[] = {
		/* cgroupfs driver: guaranteed, burstable, best effort; containerd, docker, cri-o */
		{"/kubepods/pod" UID "/" CID, CID},
		{"/kubepods/burstable/pod" UID "/" CID, CID},
		{"/kubepods/besteffort/pod" UID "/" CID "/init.scope", CID},
		{"/kubepods/burstable/pod" UID "/crio-" CID, CID},
		/* systemd driver: containerd, cri-o, docker by cri-dockerd */
		{"/kubepods.slice/kubepods-pod" UID_ ".slice/cri-containerd-" CID ".scope", CID},
		{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_
	         ".slice/crio-" CID ".scope/container",
	         CID},
		{"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_
	         ".slice/docker-" CID ".scope",
	         CID},
		/* kubelet with systemd, containerd without */
		{"/system.slice/containerd.service/kubepods-burstable-pod" UID_
	         ".slice:cri-containerd:" CID,
	         CID},
		/* static pod */
		{"/kubepods/burstable/pod" HASH "/" CID, CID},
		/* nested: the node is itself a container, or the container has some of its own */
		{"/docker/" CID2 "/kubelet/kubepods/burstable/pod" UID "/" CID, CID},
		{"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UID_
	         ".slice/cri-containerd-" CID ".scope",
	         CID},
		{"/kubepods/burstable/pod" UID "/" CID "/docker/" CID2, CID},
		/* none */
		{"/kubepods/burstable/pod" UID, ""},
		{"/kubepods.slice/kubepods-pod" UID_ ".slice", ""},
		{"/kubepods.slice/kubepods-pod" UID_ ".slice/crio-conmon-" CID ".scope", ""},
		{"/kubepods/burstable/pod" UID "/x/" CID, ""},
		{"/kubepods/burstable/pod" UID "/" CID "0", ""},
		{"/kubepods/burstable/pod" UID "/0" CID, ""},
		{"/kubepods/burstable/pod" UID "/short", ""},
		{"/kubepods.slice/kubepods-pod" UID_ ".slice:cri-containerd:short", ""},
	};
	struct wd_container_id id;
	struct wd_pod_uid uid;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&id, 'x', sizeof(id));
		assert_true(wd_podpath_cgroup(cases[i].path, strlen(cases[i].path), &uid, &id));
		assert_string_equal(id.text, cases[i].id);
	}
	assert_false(wd_podpath_cgroup("/docker/" CID, 8 + 64, &uid, &id));
	assert_string_equal(id.text, "");
}

static void finds_the_container_of_a_process(void **state)
{
	static const char v1[] = "12:cpu,cpuacct:/kubepods/burstable/pod" UID2 "\n"
				 "3:pids:/kubepods/burstable/pod" UID2 "/" CID "\n0::/\n";
	static const char v2[] = "0::/kubepods.slice/kubepods-pod" UID_ ".slice/cri-containerd-" CID
				 ".scope\n";
	struct wd_container_id id;
	struct wd_pod_uid uid;

	(void)state;
	assert_true(wd_podpath_proc(v1, sizeof(v1) - 1, &uid, &id));
	assert_string_equal(id.text, CID);
	assert_string_equal(uid.text, UID2);
	assert_true(wd_podpath_proc(v2, sizeof(v2) - 1, &uid, &id));
	assert_string_equal(id.text, CID);
	assert_string_equal(uid.text, UID);
}

static void reads_log_links(void **state)
{
	static const char *const bad[] = {
		"",
		"cart-0_shop_app.log",
		"cart-0_shop_app-" CID,
		"cart-0_shop_app-" CID ".log.1",
		"cart-0_shop_app-" CID "0.log",
		"cart-0_shop_-" CID ".log",
		"cart-0_shop-" CID ".log",
		"cart-0_Shop_app-" CID ".log",
		"cart-0_shop_app\x1b[2J-" CID ".log",
		"cart-0_shop_app_x-" CID ".log",
		"../cart-0_shop_app-" CID ".log",
		"_shop_app-" CID ".log",
	};
	char container[WD_CONTAINER_NAME_LEN], name[700];
	struct wd_container_id id;
	struct wd_pod_ref ref;

	(void)state;
	assert_true(wd_podpath_log_link("kube-apiserver-n1.example_kube-system_kube-api-server-" CID
	                                ".log",
	                                &ref, container, &id));
	assert_string_equal(ref.ns, "kube-system");
	assert_string_equal(ref.name, "kube-apiserver-n1.example");
	assert_string_equal(container, "kube-api-server");
	assert_string_equal(id.text, CID);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(wd_podpath_log_link(bad[i], &ref, container, &id));
	snprintf(name, sizeof(name), "a_b_%064d-%s.log", 1, CID);
	assert_false(wd_podpath_log_link(name, &ref, container, &id));
	snprintf(name, sizeof(name), "%0254d_b_c-%s.log", 1, CID);
	assert_false(wd_podpath_log_link(name, &ref, container, &id));
}

static void finds_no_pod_where_there_is_none(void **state)
{
	static const char *const paths[] = {
		"",
		"/",
		"/system.slice/kubelet.service",
		"/user.slice/user-1000.slice/session-3.scope",
		"/docker/" CID,
		"/kubepods",
		"/kubepods/burstable",
		"/kubepods.slice/kubepods-burstable.slice",
		"/pod" UID "/" CID,
		"/user.slice/pod" UID,
		"/kubepods/other/pod" UID,
		"/kubepods/burstable/podx",
		"/kubepods/burstable/pod" UID "0",
		"/kubepods/burstable/pod0f7a1c9e+2b3d+4e5f+8a9b+0c1d2e3f4a5b",
		"/kubepods/burstable/pod0f7a1c9e-2b3d-4e5f-8a9b-0c1d2e3f4a5g",
		"/x-pod" UID_ ".slice",
		"/mykubepods-pod" UID_ ".slice",
		"/kubepods-pod" UID_ ".slicex",
		"/kubepods-pod" UID_ ".scope",
		"/-pod" UID_ ".slice",
		"/.slice",
		"/-.slice",
	};
	struct wd_pod_uid uid;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_false(wd_podpath_cgroup_uid(paths[i], strlen(paths[i]), &uid));
		assert_string_equal(uid.text, "");
	}
}

static bool proc_uid(const char *text, struct wd_pod_uid *uid)
{
	return wd_podpath_proc_uid(text, strlen(text), uid);
}

static void reads_the_hierarchies_of_a_process(void **state)
{
	struct wd_pod_uid uid = {"x"};

	(void)state;
	assert_true(proc_uid("0::/kubepods/pod" UID "/c\n", &uid));
	assert_string_equal(uid.text, UID);
	assert_true(proc_uid("12:cpu,cpuacct:/kubepods/burstable/pod" UID2 "/c\n"
	                     "1:name=systemd:/kubepods/burstable/pod" UID2 "/c\n0::/\n",
	                     &uid));
	assert_string_equal(uid.text, UID2);
	/* The v2 hierarchy is the one that the kernel side reports. */
	assert_true(proc_uid("1:cpu:/kubepods/pod" UID2 "/c\n0::/kubepods/pod" UID "/c\n", &uid));
	assert_string_equal(uid.text, UID);
	/* Two claims: neither is believed. */
	assert_false(
		proc_uid("1:cpu:/kubepods/pod" UID2 "/c\n2:pids:/kubepods/pod" UID "/c\n", &uid));
	assert_false(proc_uid("0::/kubepods/pod" UID "/c", &uid)); /* cut */
	assert_false(proc_uid("0:/kubepods/pod" UID "/c\n", &uid));
	assert_false(proc_uid("/kubepods/pod" UID "/c\n", &uid));
	assert_false(proc_uid("::\n:\n\n", &uid));
	assert_false(proc_uid("", &uid));
	assert_string_equal(uid.text, UID);
}

static void reads_log_directories(void **state)
{
	static const char *const bad[] = {
		"",
		"shop",
		"shop_cart-0",
		"shop_cart-0_",
		"shop_cart-0_" UID "x",
		"shop_cart-0_" UID "_",
		"shop_cart_0_" UID,
		"_cart-0_" UID,
		"shop__" UID,
		"Shop_cart-0_" UID,
		"shop_cart-0\x1b[2J_" UID,
		"../shop_cart-0_" UID,
	};
	struct wd_pod_uid uid;
	struct wd_pod_ref ref;
	char name[600];

	(void)state;
	assert_true(wd_podpath_log_dir("shop_cart-0_" UID, &ref, &uid));
	assert_string_equal(ref.ns, "shop");
	assert_string_equal(ref.name, "cart-0");
	assert_string_equal(uid.text, UID);
	assert_true(wd_podpath_log_dir("kube-system_kube-apiserver-n1.example_" HASH, &ref, &uid));
	assert_string_equal(ref.name, "kube-apiserver-n1.example");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(wd_podpath_log_dir(bad[i], &ref, &uid));
	snprintf(name, sizeof(name), "%0300d_a_%s", 1, UID);
	assert_false(wd_podpath_log_dir(name, &ref, &uid));
	snprintf(name, sizeof(name), "a_%0300d_%s", 1, UID);
	assert_false(wd_podpath_log_dir(name, &ref, &uid));
}

static void never_reads_beyond_the_text(void **state)
{
	static const char text[] = "12:cpu:/kubepods/burstable/pod" UID2 "/c\n"
				   "0::/kubepods.slice/kubepods-pod" UID_ ".slice:x:y\n";
	struct wd_pod_uid uid;

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		char *copy = malloc(n + !n);

		assert_non_null(copy);
		memcpy(copy, text, n);
		wd_podpath_proc_uid(copy, n, &uid);
		wd_podpath_cgroup_uid(copy, n, &uid);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_obey_rfc1123),
		cmocka_unit_test(finds_the_pod_of_a_cgroup),
		cmocka_unit_test(finds_the_container_of_a_cgroup),
		cmocka_unit_test(finds_the_container_of_a_process),
		cmocka_unit_test(reads_log_links),
		cmocka_unit_test(finds_no_pod_where_there_is_none),
		cmocka_unit_test(reads_the_hierarchies_of_a_process),
		cmocka_unit_test(reads_log_directories),
		cmocka_unit_test(never_reads_beyond_the_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The caches of the room, each on a tree of its own. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "node/cgroups.h"
#include "node/cniresults.h"
#include "node/listeners.h"
#include "model/tuple.h"
#include "node/podlogs.h"
#include "node/procfs.h"
#include "tests/unit/node/tree.h"

#define UID   "0f7a1c9e-2b3d-4e5f-8a9b-0c1d2e3f4a5b"
#define ID(c) c "c1185a5c5e9fc54612808977ee8f548b2258d31ddadef707bd8ad9ae6cf1b8d"
#define UID_  "0f7a1c9e_2b3d_4e5f_8a9b_0c1d2e3f4a5b"

static int setup(void **state)
{
	struct tree *t = malloc(sizeof(*t));

	if (!t)
		return -1;
	tree_make(t);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	tree_remove(*state);
	free(*state);
	return 0;
}

static void pace_bounds_the_share_of_time(void **state)
{
	struct wd_pace p = {0};

	(void)state;
	assert_true(wd_pace_due(&p, 1, false));
	p.last_ns = 1000 * WD_NSEC_PER_SEC;
	p.cost_ns = WD_NSEC_PER_MSEC;
	assert_false(wd_pace_due(&p, p.last_ns, true));
	assert_false(wd_pace_due(&p, p.last_ns + WD_PACE_MIN_AGE_NS - 1, true));
	assert_true(wd_pace_due(&p, p.last_ns + WD_PACE_MIN_AGE_NS, true));
	assert_false(wd_pace_due(&p, p.last_ns + WD_PACE_MIN_AGE_NS, false));
	assert_true(wd_pace_due(&p, p.last_ns + WD_PACE_MAX_AGE_NS, false));
	/* A reading that takes 100 ms waits for 2 s. */
	p.cost_ns = 100 * WD_NSEC_PER_MSEC;
	assert_false(wd_pace_due(&p, p.last_ns + 1999 * WD_NSEC_PER_MSEC, true));
	assert_true(wd_pace_due(&p, p.last_ns + 2000 * WD_NSEC_PER_MSEC, true));
}

static void reads_files_up_to_a_cap(void **state)
{
	struct tree *t = *state;
	struct wd_buf b;

	tree_write(t, "f", "0123456789");
	wd_buf_init(&b, 10);
	assert_int_equal(wd_procfs_read(AT_FDCWD, tree_path(t, "f"), &b), 0);
	assert_int_equal(b.len, 10);
	b.cap = 9;
	assert_int_equal(wd_procfs_read(AT_FDCWD, tree_path(t, "f"), &b), 1);
	assert_memory_equal(b.data, "012345678", 9);
	assert_int_equal(wd_procfs_read(AT_FDCWD, tree_path(t, "none"), &b), -ENOENT);
	assert_int_equal(wd_procfs_read(AT_FDCWD, t->root, &b), -EISDIR);
	/* A fifo without writer must not hold us up. */
	assert_int_equal(mkfifo(tree_path(t, "fifo"), 0600), 0);
	assert_int_equal(wd_procfs_read(AT_FDCWD, tree_path(t, "fifo"), &b), 0);
	assert_int_equal(b.len, 0);
	wd_buf_release(&b);
}

static void a_held_process_is_never_replaced(void **state)
{
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), dir;
	uint64_t start, boot = wd_procfs_boottime_ns();
	struct wd_buf b;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		pause();
		_exit(0);
	}
	dir = wd_procfs_open_pid(proc, (uint32_t)pid);
	assert_true(dir >= 0);
	assert_int_equal(wd_procfs_netns(dir), wd_procfs_netns_of(proc, (uint32_t)getpid()));
	assert_int_equal(wd_procfs_start_ns(dir, &start), 0);
	assert_true(start + 20 * WD_NSEC_PER_MSEC > boot && start <= wd_procfs_boottime_ns());
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	wd_buf_init(&b, 65536);
	assert_int_equal(wd_procfs_netns(dir), 0);
	assert_true(wd_procfs_read(dir, "net/route", &b) < 0);
	assert_true(wd_procfs_start_ns(dir, &start) < 0);
	wd_buf_release(&b);
	close(dir);
	close(proc);
}

static void only_numbers_are_processes(void **state)
{
	(void)state;
	assert_int_equal(wd_procfs_pid("4711"), 4711);
	assert_int_equal(wd_procfs_pid("self"), 0);
	assert_int_equal(wd_procfs_pid("1a"), 0);
	assert_int_equal(wd_procfs_pid("-1"), 0);
	assert_int_equal(wd_procfs_pid(""), 0);
	assert_int_equal(wd_procfs_pid("99999999999999999999"), 0);
}

static void log_links_name_containers(void **state)
{
	static const struct wd_container_id app = {ID("a")}, sidecar = {ID("b")}, pause = {ID("c")};
	static const struct wd_pod_ref cart = {"shop", "cart-0"}, other = {"shop", "other"};
	struct wd_pod_uid uid = {UID};
	char name[WD_CONTAINER_NAME_LEN] = "untouched";
	struct tree *t = *state;
	struct wd_podlogs p;

	tree_dir(t, "var/log/pods/shop_cart-0_" UID "/app");
	assert_int_equal(wd_podlogs_init(&p, t->root), 0);
	/* Without links, a single directory is enough, and two are not. */
	assert_true(wd_podlogs_container(&p, &uid, &cart, &app, name));
	assert_string_equal(name, "app");
	assert_false(wd_podlogs_container(&p, &uid, &cart, &(struct wd_container_id){""}, name));
	tree_dir(t, "var/log/pods/shop_cart-0_" UID "/side-car");
	assert_false(wd_podlogs_container(&p, &uid, &cart, &app, name));
	wd_podlogs_release(&p);

	tree_dir(t, "var/log/containers");
	tree_link(t, "var/log/containers/cart-0_shop_app-" ID("a") ".log", "/nowhere");
	tree_link(t, "var/log/containers/cart-0_shop_side-car-" ID("b") ".log", "/nowhere");
	tree_link(t, "var/log/containers/nonsense.log", "/nowhere");
	assert_int_equal(wd_podlogs_init(&p, t->root), 0);
	assert_true(wd_podlogs_container(&p, &uid, &cart, &sidecar, name));
	assert_string_equal(name, "side-car");
	assert_int_equal(p.containers.n, 2);
	/* the sandbox is not a container with a log */
	assert_false(wd_podlogs_container(&p, &uid, &cart, &pause, name));
	assert_false(wd_podlogs_container(&p, &uid, &other, &app, name));
	wd_podlogs_release(&p);

	/* Two links for one id: neither is believed. */
	tree_link(t, "var/log/containers/cart-0_shop_x-" ID("a") ".log", "/nowhere");
	assert_int_equal(wd_podlogs_init(&p, t->root), 0);
	assert_false(wd_podlogs_container(&p, &uid, &cart, &app, name));
	assert_string_equal(name, "side-car");
	wd_podlogs_release(&p);
}

static void log_directories_name_pods(void **state)
{
	struct wd_pod_uid uid = {UID}, none = {"11111111-2222-3333-4444-555555555555"};
	struct tree *t = *state;
	struct wd_podlogs p;
	struct wd_pod_ref ref;

	tree_dir(t, "var/log/pods/shop_cart-0_" UID);
	tree_dir(t, "var/log/pods/kube-system_dns_6f1d6e3f5a0b4c2d8e9f0a1b2c3d4e5f");
	tree_dir(t, "var/log/pods/nonsense");
	assert_int_equal(wd_podlogs_init(&p, t->root), 0);
	assert_true(wd_podlogs_find(&p, &uid, &ref));
	assert_string_equal(ref.ns, "shop");
	assert_string_equal(ref.name, "cart-0");
	assert_false(wd_podlogs_find(&p, &none, &ref));
	assert_int_equal(p.pods.n, 2);
	wd_podlogs_release(&p);

	/* Two pods cannot have one uid: neither is believed. */
	tree_dir(t, "var/log/pods/shop_other_" UID);
	assert_int_equal(wd_podlogs_init(&p, t->root), 0);
	assert_false(wd_podlogs_find(&p, &uid, &ref));
	wd_podlogs_release(&p);

	assert_int_equal(wd_podlogs_init(&p, "/nonexistent"), 0);
	assert_false(wd_podlogs_find(&p, &uid, &ref));
	wd_podlogs_release(&p);
}

static void result_write(struct tree *t, const char *file, const char *pod, const char *mount,
                         const char *addr)
{
	tree_write(t, file,
	           text_of("{\"kind\":\"cniCacheV1\",\"cniArgs\":[[\"K8S_POD_NAMESPACE\",\"shop\"],"
	                   "[\"K8S_POD_NAME\",\"%s\"]],\"result\":{\"interfaces\":[{\"sandbox\":"
	                   "\"/var/run/netns/%s\"}],\"ips\":[{\"address\":\"%s/24\"}]}}",
	                   pod, mount, addr));
}

static void results_are_read_once(void **state)
{
	struct tree *t = *state;
	const struct wd_cnicache *before, *after;
	struct wd_cniresults c;
	struct wd_addr a;
	struct wd_buf b;
	size_t at = 0;

	result_write(t, "var/lib/cni/results/cbr0-1-eth0", "cart-0", "cni-1", "10.244.0.5");
	result_write(t, "var/lib/cni/cache/results/cbr0-2-eth0", "cart-1", "cni-2", "10.244.0.6");
	tree_write(t, "var/lib/cni/results/half", "{\"kind\":\"cniCac");
	tree_dir(t, "var/lib/cni/results/dir");
	tree_link(t, "var/lib/cni/results/link", "/etc/passwd");
	wd_buf_init(&b, 4096);
	assert_int_equal(wd_cniresults_init(&c, t->root), 0);
	assert_true(wd_cniresults_refresh(&c, false, &b));
	assert_int_equal(c.n, 3);
	before = wd_cniresults_by_mount(&c, "cni-1", &at);
	assert_non_null(before);
	assert_string_equal(before->pod.name, "cart-0");
	assert_null(wd_cniresults_by_mount(&c, "cni-1", &at));
	wd_addr_parse("10.244.0.6", &a);
	at = 0;
	assert_string_equal(wd_cniresults_by_addr(&c, &a, &at)->pod.name, "cart-1");
	at = 0;
	assert_null(wd_cniresults_by_mount(&c, "", &at));

	assert_false(wd_cniresults_refresh(&c, true, &b));
	c.pace.last_ns = 0;
	unlink(tree_path(t, "var/lib/cni/cache/results/cbr0-2-eth0"));
	result_write(t, "var/lib/cni/results/half", "cart-22", "cni-3", "10.244.0.7");
	assert_true(wd_cniresults_refresh(&c, false, &b));
	at = 0;
	after = wd_cniresults_by_mount(&c, "cni-1", &at);
	assert_ptr_equal(before, after);
	at = 0;
	assert_string_equal(wd_cniresults_by_mount(&c, "cni-3", &at)->pod.name, "cart-22");
	at = 0;
	assert_null(wd_cniresults_by_mount(&c, "cni-2", &at));
	wd_cniresults_release(&c);
	wd_buf_release(&b);
}

static uint64_t inode(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_ino;
}

static void cgroups_lead_to_pods(void **state)
{
	static const char slice[] = "sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice/"
				    "kubepods-burstable-pod" UID_ ".slice";
	struct tree *t = *state;
	struct wd_cgroups c;
	struct wd_container_id id;
	struct wd_pod_uid uid;

	tree_dir(t, text_of("%s", slice));
	tree_dir(t, text_of("%s/cri-containerd-1.scope", slice));
	tree_dir(t, "sys/fs/cgroup/system.slice");
	/* Without this file it is not the v2 hierarchy, and its inodes are no ids. */
	assert_int_equal(wd_cgroups_init(&c, t->root), 0);
	assert_false(wd_cgroups_find(&c, inode(tree_path(t, slice)), &uid, &id));
	wd_cgroups_release(&c);

	tree_write(t, "sys/fs/cgroup/cgroup.controllers", "cpu\n");
	assert_int_equal(wd_cgroups_init(&c, t->root), 0);
	assert_false(wd_cgroups_find(&c, 0, &uid, &id));
	assert_true(wd_cgroups_find(&c, inode(tree_path(t, slice)), &uid, &id));
	assert_string_equal(uid.text, UID);
	assert_true(wd_cgroups_find(
		&c, inode(tree_path(t, text_of("%s/cri-containerd-1.scope", slice))), &uid, &id));
	assert_false(
		wd_cgroups_find(&c, inode(tree_path(t, "sys/fs/cgroup/system.slice")), &uid, &id));
	wd_cgroups_release(&c);

	/* Beside v1, v2 is at "unified". */
	tree_dir(t, "sys/fs/cgroup/unified");
	tree_write(t, "sys/fs/cgroup/unified/cgroup.controllers", "");
	tree_dir(t, "sys/fs/cgroup/unified/kubepods/pod" UID);
	assert_int_equal(wd_cgroups_init(&c, t->root), 0);
	assert_true(wd_cgroups_find(
		&c, inode(tree_path(t, "sys/fs/cgroup/unified/kubepods/pod" UID)), &uid, &id));
	wd_cgroups_release(&c);
}

/* Deeper than any real tree. */
static void cgroup_walks_end(void **state)
{
	struct tree *t = *state;
	char path[400] = "sys/fs/cgroup/cgroup.controllers";
	struct wd_cgroups c;
	struct wd_container_id id;
	struct wd_pod_uid uid;

	tree_write(t, path, "");
	snprintf(path, sizeof(path), "sys/fs/cgroup");
	for (int i = 0; i < 100; i++)
		strcat(path, "/d");
	strcat(path, "/kubepods/pod" UID);
	tree_dir(t, path);
	assert_int_equal(wd_cgroups_init(&c, t->root), 0);
	assert_false(wd_cgroups_find(&c, inode(tree_path(t, path)), &uid, &id));
	wd_cgroups_release(&c);
}

/* On the sockets of this process's own namespace. */
static void listeners_have_an_allowance(void **state)
{
	struct wd_listener_key key = {.port = 1, .proto = WD_PROTO_TCP};
	const struct wd_listener_answer *a, *again;
	const struct wd_netns *own;
	struct wd_netnses s;
	struct wd_listeners l;
	struct wd_buf b;
	uint64_t now;

	(void)state;
	wd_addr_parse("192.0.2.99", &key.addr);
	wd_buf_init(&b, 4096);
	assert_int_equal(wd_netnses_init(&s, "/proc", "/"), 0);
	assert_true(wd_netnses_refresh(&s, false));
	own = wd_netnses_find(&s, s.own);
	assert_non_null(own);
	assert_string_equal(own->name, "node");
	key.netns = own->ino;
	wd_listeners_init(&l);

	now = wd_clock_monotonic_ns();
	a = wd_listeners_ask(&l, &s, own, &key, now, &b);
	assert_non_null(a);
	assert_int_not_equal(a->listener, WD_LISTENER_UNKNOWN);
	assert_true(a->read_ns >= now);
	/* It was read after that event, so it is not read again. */
	now = a->read_ns;
	again = wd_listeners_ask(&l, &s, own, &key, now - 1, &b);
	assert_ptr_equal(again, a);
	assert_true(again->read_ns == now);
	/* After a later event it is, */
	again = wd_listeners_ask(&l, &s, own, &key, wd_clock_monotonic_ns(), &b);
	assert_true(again->read_ns > now);
	/* but not when the allowance is used up. */
	now = again->read_ns;
	l.allowance_ns = -(int64_t)(1000 * WD_NSEC_PER_SEC);
	again = wd_listeners_ask(&l, &s, own, &key, wd_clock_monotonic_ns(), &b);
	assert_true(!again || again->read_ns == now);
	key.port = 2;
	assert_null(wd_listeners_ask(&l, &s, own, &key, wd_clock_monotonic_ns(), &b));
	key.proto = WD_PROTO_SCTP;
	assert_null(wd_listeners_ask(&l, &s, own, &key, 0, &b));
	wd_netnses_release(&s);
	wd_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pace_bounds_the_share_of_time),
		cmocka_unit_test_setup_teardown(reads_files_up_to_a_cap, setup, teardown),
		cmocka_unit_test(a_held_process_is_never_replaced),
		cmocka_unit_test(listeners_have_an_allowance),
		cmocka_unit_test(only_numbers_are_processes),
		cmocka_unit_test_setup_teardown(log_links_name_containers, setup, teardown),
		cmocka_unit_test_setup_teardown(log_directories_name_pods, setup, teardown),
		cmocka_unit_test_setup_teardown(results_are_read_once, setup, teardown),
		cmocka_unit_test_setup_teardown(cgroups_lead_to_pods, setup, teardown),
		cmocka_unit_test_setup_teardown(cgroup_walks_end, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

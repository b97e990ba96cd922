/* SPDX-License-Identifier: Apache-2.0 */
/* Dumps by tools that are scripts of this test. */
#include "node/dump.h"

#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "tests/unit/node/tree.h"

struct fixture {
	struct tree t; /* bin/, proc/, sys/ */
	struct event_base *base;
	struct wd_dumps *d;
	char bin[128], proc[128], sys[128];
	struct wd_dumps_options o;
	struct wd_buf out[WD_DUMP_MAX];
	unsigned int begun, ended;
	bool done;
	int data_result;
};

static void tool(const struct fixture *f, const char *name, const char *script)
{
	char path[256];

	snprintf(path, sizeof(path), "bin/%s", name);
	tree_write(&f->t, path, script);
	assert_int_equal(chmod(tree_path(&f->t, path), 0755), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	tree_make(&f->t);
	f->base = event_base_new();
	snprintf(f->bin, sizeof(f->bin), "/nonexistent:%s/bin:/usr/bin:/bin", f->t.root);
	snprintf(f->proc, sizeof(f->proc), "%s/proc", f->t.root);
	snprintf(f->sys, sizeof(f->sys), "%s/sys", f->t.root);
	f->o = (struct wd_dumps_options){.proc = f->proc, .sys = f->sys, .path = f->bin};
	tree_write(&f->t, "proc/net/ip_tables_names", "nat\nfilter\n");
	tree_dir(&f->t, "sys/module/nf_tables");
	for (unsigned int i = 0; i < WD_DUMP_MAX; i++)
		wd_buf_init(&f->out[i], 1u << 20);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	wd_dumps_free(f->d);
	for (unsigned int i = 0; i < WD_DUMP_MAX; i++)
		wd_buf_release(&f->out[i]);
	event_base_free(f->base);
	tree_remove(&f->t);
	free(f);
	return 0;
}

static void on_begin(void *ctx, enum wd_dump which)
{
	struct fixture *f = ctx;

	f->begun |= 1u << which;
}

static int on_data(void *ctx, enum wd_dump which, const char *p, size_t n)
{
	struct fixture *f = ctx;

	wd_buf_put(&f->out[which], p, n);
	return f->data_result;
}

static void on_end(void *ctx, enum wd_dump which, const struct wd_dump_state *st)
{
	struct fixture *f = ctx;

	assert_ptr_equal(st, wd_dumps_state(f->d, which));
	assert_false(f->ended & 1u << which);
	f->ended |= 1u << which;
}

static void on_done(void *ctx)
{
	struct fixture *f = ctx;

	f->done = true;
	event_base_loopbreak(f->base);
}

static const struct wd_dumps_ops ops = {on_begin, on_data, on_end, on_done};

static void run(struct fixture *f, unsigned int which)
{
	if (!f->d)
		assert_int_equal(wd_dumps_new(f->base, &f->o, &ops, f, &f->d), 0);
	f->begun = f->ended = 0;
	f->done = false;
	for (unsigned int i = 0; i < WD_DUMP_MAX; i++)
		wd_buf_reset(&f->out[i]);
	/* the budget is a test of its own */
	assert_int_equal(wd_dumps_refresh(f->d, which, wd_dumps_due(f->d)), 0);
	assert_false(f->done);
	assert_int_equal(wd_dumps_refresh(f->d, which, UINT64_MAX), -EBUSY);
	event_base_dispatch(f->base);
	assert_true(f->done);
	assert_false(wd_dumps_running(f->d));
	assert_int_equal(f->ended, which);
}

static const struct wd_dump_state *run_one(struct fixture *f, enum wd_dump which)
{
	run(f, 1u << which);
	return wd_dumps_state(f->d, which);
}

static void check_out(struct fixture *f, enum wd_dump which, const char *want)
{
	wd_buf_putc(&f->out[which], '\0');
	assert_string_equal(f->out[which].data, want);
}

static void runs_each_tool(void **state)
{
	struct fixture *f = *state;
	const struct wd_dump_state *st;

	tool(f, "iptables-legacy-save",
	     "#!/bin/sh\nread x && echo input\necho \"$# $1 $LC_ALL\"; env\n");
	tool(f, "nft", "#!/bin/sh\necho \"$*\"\necho warning >&2\n");
	run(f, 1u << WD_DUMP_IPTABLES_LEGACY | 1u << WD_DUMP_IP6TABLES_LEGACY |
	               1u << WD_DUMP_IPTABLES_NFT | 1u << WD_DUMP_NFT);
	st = wd_dumps_state(f->d, WD_DUMP_IPTABLES_LEGACY);
	assert_string_equal(st->message, "");
	assert_int_equal(st->result, WD_DUMP_DONE);
	assert_int_equal(st->bytes, f->out[WD_DUMP_IPTABLES_LEGACY].len);
	assert_true(st->cpu_ns > 0);
	/* sh adds PWD and the like to its environment, but nothing of ours is in it */
	assert_int_equal(strncmp(f->out[WD_DUMP_IPTABLES_LEGACY].data, "1 -c C\n", 7), 0);
	/* What it says on stderr does not matter if it ends well. */
	assert_int_equal(wd_dumps_state(f->d, WD_DUMP_NFT)->result, WD_DUMP_DONE);
	check_out(f, WD_DUMP_NFT, "-j list ruleset\n");
	/* The kernel has no table of IPv6. */
	assert_int_equal(wd_dumps_state(f->d, WD_DUMP_IP6TABLES_LEGACY)->result, WD_DUMP_EMPTY);
	st = wd_dumps_state(f->d, WD_DUMP_IPTABLES_NFT);
	assert_int_equal(st->result, WD_DUMP_NO_TOOL);
	assert_non_null(strstr(st->message, "iptables-nft-save is not installed"));
	assert_int_equal(wd_dumps_state(f->d, WD_DUMP_IP6TABLES_NFT)->result, WD_DUMP_NEVER);
	assert_int_equal(f->begun, 1u << WD_DUMP_IPTABLES_LEGACY | 1u << WD_DUMP_NFT);
	assert_true(wd_dumps_age(f->d, WD_DUMP_NFT, wd_clock_monotonic_ns()) <
	            10 * WD_NSEC_PER_SEC);
	assert_true(wd_dumps_age(f->d, WD_DUMP_IP6TABLES_NFT, 1) == UINT64_MAX);
}

static void asks_nobody_for_what_is_not_there(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];

	tool(f, "iptables-legacy-save", "#!/bin/sh\necho loaded\n");
	tool(f, "nft", "#!/bin/sh\necho loaded\n");
	/* the tables were never made, or the module is not there */
	tree_write(&f->t, "proc/net/ip_tables_names", "");
	assert_int_equal(run_one(f, WD_DUMP_IPTABLES_LEGACY)->result, WD_DUMP_EMPTY);
	unlink(tree_path(&f->t, "proc/net/ip_tables_names"));
	assert_int_equal(run_one(f, WD_DUMP_IPTABLES_LEGACY)->result, WD_DUMP_EMPTY);
	snprintf(path, sizeof(path), "%s", tree_path(&f->t, "sys/module/nf_tables"));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(run_one(f, WD_DUMP_NFT)->result, WD_DUMP_EMPTY);
	tree_write(&f->t, "proc/modules",
	           "nf_tables_set 1 0 - Live 0\nnf_tables 303104 41 - Live 0\n");
	assert_int_equal(run_one(f, WD_DUMP_NFT)->result, WD_DUMP_DONE);
	unlink(tree_path(&f->t, "proc/modules"));
	/* built in; whether it is was noted once, so that is for a new one to find */
	wd_dumps_free(f->d);
	f->d = NULL;
	tree_write(
		&f->t, "proc/kallsyms",
		"0000000000000000 t nf_tables_newtable_x\n0000000000000000 t nf_tables_newtable\n");
	assert_int_equal(run_one(f, WD_DUMP_NFT)->result, WD_DUMP_DONE);
}

static void tells_why_a_tool_failed(void **state)
{
	struct fixture *f = *state;
	const struct wd_dump_state *st;

	tool(f, "nft",
	     "#!/bin/sh\necho half\necho Operation not permitted >&2\necho more >&2\nexit 4\n");
	st = run_one(f, WD_DUMP_NFT);
	assert_int_equal(st->result, WD_DUMP_FAILED);
	assert_string_equal(st->message, "nft: Operation not permitted");
	tool(f, "nft", "#!/bin/sh\nexit 4\n");
	assert_string_equal(run_one(f, WD_DUMP_NFT)->message, "nft ended with status 4");
	tool(f, "nft", "#!/bin/sh\nkill -9 $$\n");
	assert_string_equal(run_one(f, WD_DUMP_NFT)->message, "nft was ended by signal 9");
	tool(f, "nft", "#!/nonexistent\n");
	assert_int_equal(run_one(f, WD_DUMP_NFT)->result, WD_DUMP_FAILED);
	assert_non_null(strstr(wd_dumps_state(f->d, WD_DUMP_NFT)->message, "No such file"));
	tool(f, "nft", "#!/bin/sh\necho x\nsleep 60\n");
	f->data_result = -ENOMEM;
	assert_string_equal(run_one(f, WD_DUMP_NFT)->message,
	                    "output of nft: Cannot allocate memory");
}

static void a_tool_that_wants_too_much_memory_fails(void **state)
{
	static const char hungry[] =
		"#!/bin/sh\necho begun\nx=aaaaaaaaaaaaaaaa\nwhile :; do x=$x$x; done\n";
	struct fixture *f = *state;
	const struct wd_dump_state *st;

	f->o.memory_max = 64u << 20;
	tool(f, "nft", hungry);
	st = run_one(f, WD_DUMP_NFT);
	assert_int_equal(st->result, WD_DUMP_FAILED);
	assert_non_null(strstr(st->message, " MiB of memory and may use 64)"));
	/* the limit is the child's alone, and others have enough of it */
	tool(f, "nft", "#!/bin/sh\necho fine\n");
	assert_int_equal(run_one(f, WD_DUMP_NFT)->result, WD_DUMP_DONE);
	/* what fails for another reason does not blame memory */
	tool(f, "nft", "#!/bin/sh\nexit 4\n");
	assert_string_equal(run_one(f, WD_DUMP_NFT)->message, "nft ended with status 4");
}

static void a_cgroup_limits_its_tools(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->t, "proc/self/cgroup", "0::/kubepods/pod1\n");
	tree_write(&f->t, "sys/fs/cgroup/kubepods/pod1/memory.max", "100000000\n");
	tool(f, "nft", "#!/bin/sh\nsleep 0.2\nulimit -v\n");
	assert_int_equal(run_one(f, WD_DUMP_NFT)->result, WD_DUMP_DONE);
	check_out(f, WD_DUMP_NFT, "73242\n"); /* KiB: 75 000 000 bytes */
	wd_dumps_free(f->d);
	f->d = NULL;
	tree_write(&f->t, "sys/fs/cgroup/kubepods/pod1/memory.max", "max\n");
	run_one(f, WD_DUMP_NFT);
	check_out(f, WD_DUMP_NFT, "1048576\n");
}

static bool is_alive(const struct fixture *f, const char *file)
{
	FILE *in = fopen(tree_path(&f->t, file), "re");
	int pid = 0;

	assert_non_null(in);
	assert_int_equal(fscanf(in, "%d", &pid), 1);
	fclose(in);
	return pid > 0 && !kill(pid, 0);
}

static void ends_what_takes_too_long_or_writes_too_much(void **state)
{
	struct fixture *f = *state;
	const struct wd_dump_state *st;
	uint64_t start;
	char script[512];

	f->o.deadline_ns = 300 * WD_NSEC_PER_MSEC;
	f->o.size_max = 1u << 20;
	/* it has a child of its own, which holds the pipe open */
	snprintf(script, sizeof(script), "#!/bin/sh\nsleep 60 &\necho $! >%s/pid\nsleep 60\n",
	         f->t.root);
	tool(f, "nft", script);
	start = wd_clock_monotonic_ns();
	st = run_one(f, WD_DUMP_NFT);
	assert_int_equal(st->result, WD_DUMP_FAILED);
	assert_non_null(strstr(st->message, "nft took longer than"));
	assert_true(wd_clock_monotonic_ns() - start < 5 * WD_NSEC_PER_SEC);
	for (unsigned int i = 0; i < 200 && is_alive(f, "pid"); i++)
		usleep(10000);
	assert_false(is_alive(f, "pid"));

	tool(f, "nft", "#!/bin/sh\nexec cat /dev/zero\n");
	st = run_one(f, WD_DUMP_NFT);
	assert_int_equal(st->result, WD_DUMP_FAILED);
	assert_string_equal(st->message, "nft wrote more than 1 MiB");
	/* It closes its output and goes on. */
	tool(f, "nft", "#!/bin/sh\nexec >&- 2>&-\nsleep 60\n");
	assert_non_null(strstr(run_one(f, WD_DUMP_NFT)->message, "took longer"));
}

static void freeing_ends_a_child(void **state)
{
	struct fixture *f = *state;
	char script[512];

	snprintf(script, sizeof(script), "#!/bin/sh\necho $$ >%s/pid\nexec sleep 60\n", f->t.root);
	tool(f, "nft", script);
	assert_int_equal(wd_dumps_new(f->base, &f->o, &ops, f, &f->d), 0);
	assert_int_equal(wd_dumps_refresh(f->d, 1u << WD_DUMP_NFT, 1), 0);
	for (unsigned int i = 0; i < 500 && access(tree_path(&f->t, "pid"), F_OK); i++) {
		event_base_loop(f->base, EVLOOP_NONBLOCK);
		usleep(10000);
	}
	usleep(50000);
	assert_true(is_alive(f, "pid"));
	wd_dumps_free(f->d);
	f->d = NULL;
	assert_false(is_alive(f, "pid"));
	assert_int_equal(f->ended, 0);
}

static void keeps_to_its_share_of_the_cpu(void **state)
{
	struct fixture *f = *state;
	uint64_t now = 1000 * WD_NSEC_PER_SEC, cost;

	tool(f, "nft", "#!/bin/sh\ni=0\nwhile [ $i -lt 20000 ]; do i=$((i + 1)); done\n");
	assert_int_equal(wd_dumps_new(f->base, &f->o, &ops, f, &f->d), 0);
	assert_int_equal(wd_dumps_refresh(f->d, 1u << WD_DUMP_NFT, now), 0);
	f->ended = 0;
	event_base_dispatch(f->base);
	cost = wd_dumps_state(f->d, WD_DUMP_NFT)->cpu_ns;
	assert_true(cost > WD_NSEC_PER_MSEC);
	assert_true(wd_dumps_due(f->d) >= now + cost * WD_DUMPS_CPU_SHARE);
	assert_int_equal(wd_dumps_refresh(f->d, 1u << WD_DUMP_NFT, wd_dumps_due(f->d) - 1),
	                 -EAGAIN);
	assert_int_equal(wd_dumps_refresh(f->d, 1u << WD_DUMP_NFT, wd_dumps_due(f->d)), 0);
	f->ended = 0;
	event_base_dispatch(f->base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(runs_each_tool, setup, teardown),
		cmocka_unit_test_setup_teardown(asks_nobody_for_what_is_not_there, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_why_a_tool_failed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_tool_that_wants_too_much_memory_fails, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(a_cgroup_limits_its_tools, setup, teardown),
		cmocka_unit_test_setup_teardown(ends_what_takes_too_long_or_writes_too_much, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(freeing_ends_a_child, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_to_its_share_of_the_cpu, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "kube/split.h"
#include "kube/state.h"
#include "tests/unit/kube/describe.h"
#include "tests/unit/kube/random.h"
#include "tests/unit/node/tree.h"

struct fixture {
	struct tree tree;
	char path[128], err[WD_STATE_ERRLEN];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	tree_make(&f->tree);
	snprintf(f->path, sizeof(f->path), "%s/state", f->tree.root);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tree_remove(&f->tree);
	free(f);
	return 0;
}

/* ---- the same again ---------------------------------------------------------------------- */

struct lines {
	char *v[4096];
	size_t n;
};

static bool line_add(const struct wd_object *o, void *ctx)
{
	struct lines *l = ctx;
	struct wd_buf b;

	wd_buf_init(&b, 1 << 20);
	describe(&b, o);
	wd_buf_putc(&b, '\0');
	assert_true(l->n < 4096);
	l->v[l->n++] = b.data;
	return true;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every object of a kind, in an order of its own. */
static void lines_of(const struct wd_store *s, enum wd_resource r, struct lines *l)
{
	l->n = 0;
	wd_store_each(s, r, NULL, line_add, l);
	qsort(l->v, l->n, sizeof(l->v[0]), compare);
}

static void same_objects(const struct wd_store *a, const struct wd_store *b, enum wd_resource r)
{
	static struct lines x, y;

	lines_of(a, r, &x);
	lines_of(b, r, &y);
	assert_int_equal(x.n, y.n);
	for (size_t i = 0; i < x.n; i++) {
		assert_string_equal(x.v[i], y.v[i]);
		free(x.v[i]);
		free(y.v[i]);
	}
}

static void same_state(const struct wd_store *a, const struct wd_store *b, enum wd_resource r)
{
	const struct wd_store_state *x = wd_store_state(a, r), *y = wd_store_state(b, r);

	assert_int_equal(x->complete, y->complete);
	assert_int_equal(x->node_only, y->node_only);
	assert_int_equal(x->absent, y->absent);
	assert_int_equal(x->as_of_ns, y->as_of_ns);
	assert_int_equal(x->skipped, y->skipped);
	assert_false(y->live);
	if (x->problem)
		assert_string_equal(x->problem, y->problem);
	else
		assert_null(y->problem);
}

static void same_servers(const struct wd_store *a, const struct wd_store *b)
{
	const struct wd_api_server *x, *y;
	unsigned int n = wd_store_api_servers(a, &x);

	assert_int_equal(wd_store_api_servers(b, &y), n);
	for (unsigned int i = 0; i < n; i++) {
		assert_true(wd_addr_equal(&x[i].ip, &y[i].ip));
		assert_int_equal(x[i].port, y[i].port);
		assert_string_equal(x[i].name, y[i].name);
		assert_string_equal(y[i].source, "last known state");
	}
}

/* Of this run: up to 20 objects of each kind, states, servers. */
static struct wd_store *random_store(uint64_t seed)
{
	struct wd_api_server servers[4];
	struct wd_object o;
	struct wd_store *s;
	unsigned int n;

	assert_int_equal(wd_store_new(&s), 0);
	random_reset(seed);
	for (int r = 0; r < WD_RESOURCE_MAX; r++) {
		struct wd_store_state st = {
			.complete = coin(),
			.node_only = coin(),
			.live = coin(),
			.absent = coin(),
			.as_of_ns = (uint64_t)below(UINT32_MAX) << 30,
			.skipped = below(3),
			.problem = coin() ? word() : NULL,
		};

		wd_store_set_state(s, (enum wd_resource)r, &st);
		for (n = below(20); n > 0; n--) {
			any_object((enum wd_resource)r, &o);
			assert_int_equal(wd_store_put(s, &o), 0);
		}
	}
	n = below(5);
	for (unsigned int i = 0; i < n; i++)
		servers[i] = (struct wd_api_server){any_addr(), (uint16_t)below(65536),
		                                    maybe_word(), "test"};
	assert_int_equal(wd_store_set_api_servers(s, servers, n), 0);
	return s;
}

static void what_is_saved_is_loaded(void **state)
{
	struct wd_state_info info = {.saved_ns = 1795348800218000001ull,
	                             .node = "aks-\"1\"",
	                             .server = "https://10.0.0.1:443"};
	struct fixture *f = *state;

	for (uint64_t seed = 0; seed < 100; seed++) {
		struct wd_state_info back = {.saved_ns = 0};
		struct wd_store *a = random_store(seed), *b;

		if (wd_state_save(f->path, a, &info, f->err))
			fail_msg("%s", f->err);
		if (wd_state_load(f->path, &b, &back, f->err))
			fail_msg("%s", f->err);
		assert_int_equal(back.saved_ns, info.saved_ns);
		assert_string_equal(back.node, info.node);
		assert_string_equal(back.server, info.server);
		for (int r = 0; r < WD_RESOURCE_MAX; r++) {
			same_objects(a, b, (enum wd_resource)r);
			same_state(a, b, (enum wd_resource)r);
		}
		same_servers(a, b);
		wd_store_free(a);
		wd_store_free(b);
	}
}

/* ---- broken ------------------------------------------------------------------------------ */

#define HEAD     "{\"whydrop_state\":1,\"saved\":\"x\",\"saved_ns\":1,\"node\":\"\",\"server\":\"\"}\n"
#define NODES(n) "{\"resource\":\"nodes\",\"complete\":true,\"objects\":" n "}\n"
#define NODE     "{\"metadata\":{\"name\":\"x\"}}\n"
#define END      "{\"end\":true}\n"

static void refused(const char *text, size_t n, const char *why)
{
	struct wd_store *s = NULL;
	struct wd_state_info info, before;
	char err[WD_STATE_ERRLEN] = "";

	memset(&info, 0x5a, sizeof(info));
	before = info;
	assert_int_equal(wd_state_parse(text, n, &s, &info, err), -EPROTO);
	if (why)
		assert_string_equal(err, why);
	assert_int_not_equal(err[0], 0);
	assert_null(s);
	assert_memory_equal(&info, &before, sizeof(info));
}

static void broken_files(void **state)
{
	static const char *const broken[][2] = {
		{"", "line 1: it ends too early"},
		{"x", "line 1: byte 0: 'x' where a JSON object should be"},
		{"{}", "line 1: not a state of whydrop"},
		{"{\"whydrop_state\":\"1\"}", "line 1: not a state of whydrop"},
		{"{\"whydrop_state\":0}", "line 1: not a state of whydrop"},
		{"{\"kind\":\"PodList\",\"items\":[]}", "line 1: not a state of whydrop"},
		{"{\"whydrop_state\":2}",
	         "line 1: of a later whydrop (version 2, this one knows 1)"},
		{"{\"whydrop_state\":1,\"node\":7}", "line 1: node: not a string"},
		{"{\"whydrop_state\":1,\"api_servers\":[{\"ip\":\"x\"}]}",
	         "line 1: api_servers[0]: not an address and a port"},
		{"{\"whydrop_state\":1,\"api_servers\":[{\"ip\":\"::1\",\"port\":65536}]}",
	         "line 1: api_servers[0]: not an address and a port"},
		{HEAD, "line 2: it ends too early"},
		{HEAD "{}", "line 2: resource: not one that is known"},
		{HEAD "{\"resource\":\"secrets\"}", "line 2: resource: not one that is known"},
		{HEAD "{\"resource\":\"nodes\",\"objects\":-1}", "line 2: objects: negative"},
		{HEAD "{\"resource\":\"nodes\",\"complete\":1}",
	         "line 2: complete: neither true nor false"},
		{HEAD NODES("0") NODES("0") END, "line 3: resource: nodes for a second time"},
		{HEAD NODES("1") END, "line 3: nodes: metadata.name: missing"},
		{HEAD NODES("2") NODE, "line 4: it ends too early"},
		{HEAD NODES("1") NODE NODE END, "line 4: resource: not one that is known"},
		{HEAD NODES("1") "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"x\"}}\n" END,
	         "line 3: nodes: kind: another kind than expected"},
		{HEAD END "{}", "line 3: something after the end"},
		{HEAD END "x", "line 3: byte 80: 'x' where a JSON object should be"},
		{HEAD "{\"a\":\"\xff\"}", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		refused(broken[i][0], strlen(broken[i][0]), broken[i][1]);
}

static void no_prefix_passes(void **state)
{
	static const char whole[] = HEAD NODES("1") NODE END;
	struct wd_state_info info;
	char err[WD_STATE_ERRLEN];
	struct wd_store *s;

	(void)state;
	/* the last newline is no loss */
	for (size_t n = 0; n < sizeof(whole) - 2; n++)
		refused(whole, n, NULL);
	assert_int_equal(wd_state_parse(whole, sizeof(whole) - 1, &s, &info, err), 0);
	assert_int_equal(wd_store_count(s, WD_RESOURCE_NODE), 1);
	assert_true(wd_store_state(s, WD_RESOURCE_NODE)->complete);
	assert_false(wd_store_state(s, WD_RESOURCE_POD)->complete);
	wd_store_free(s);
}

static void an_object_that_was_too_long_is_counted(void **state)
{
	static const char text[] = HEAD NODES("2") "{}\n" NODE END;
	struct wd_state_info info;
	char err[WD_STATE_ERRLEN];
	struct wd_store *s;

	(void)state;
	assert_int_equal(wd_state_parse(text, sizeof(text) - 1, &s, &info, err), 0);
	assert_int_equal(wd_store_state(s, WD_RESOURCE_NODE)->skipped, 1);
	assert_int_equal(wd_store_count(s, WD_RESOURCE_NODE), 1);
	wd_store_free(s);
}

/* And when saving: what could not be read again is left out, and said to be. */
static void a_long_object_is_saved_as_skipped(void **state)
{
	struct wd_object o = {.kind = WD_RESOURCE_NAMESPACE, .namespace = {.name = "b"}};
	char *name = malloc(WD_SPLIT_VALUE_MAX + 1);
	struct wd_state_info info = {.saved_ns = 1};
	struct fixture *f = *state;
	struct wd_store *a, *b;

	assert_non_null(name);
	memset(name, 'x', WD_SPLIT_VALUE_MAX);
	name[WD_SPLIT_VALUE_MAX] = '\0';
	assert_int_equal(wd_store_new(&a), 0);
	assert_int_equal(wd_store_put(a, &o), 0);
	o.namespace.name = name;
	assert_int_equal(wd_store_put(a, &o), 0);
	free(name);
	assert_int_equal(wd_state_save(f->path, a, &info, f->err), 0);
	assert_int_equal(wd_state_load(f->path, &b, &info, f->err), 0);
	assert_int_equal(wd_store_count(b, WD_RESOURCE_NAMESPACE), 1);
	assert_int_equal(wd_store_state(b, WD_RESOURCE_NAMESPACE)->skipped, 1);
	wd_store_free(a);
	wd_store_free(b);
}

static void long_names_are_refused(void **state)
{
	char text[1000];
	int n = snprintf(text, sizeof(text), "{\"whydrop_state\":1,\"node\":\"%0256d\"}", 0);

	(void)state;
	refused(text, (size_t)n, "line 1: a name is too long");
}

/* ---- files ------------------------------------------------------------------------------- */

static void load_fails(struct fixture *f, int error, const char *why)
{
	struct wd_state_info info;
	struct wd_store *s = NULL;
	char want[400];

	snprintf(want, sizeof(want), "%s: %s", f->path, why);
	assert_int_equal(wd_state_load(f->path, &s, &info, f->err), error);
	assert_string_equal(f->err, want);
	assert_null(s);
}

static void only_a_file_of_our_own_is_believed(void **state)
{
	struct fixture *f = *state;
	struct wd_state_info info;
	struct wd_store *s;

	load_fails(f, -ENOENT, "No such file or directory");
	tree_write(&f->tree, "other", HEAD END);
	tree_link(&f->tree, "state", "other");
	load_fails(f, -EPERM, "a symbolic link, which is not followed");
	unlink(f->path);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	load_fails(f, -EPERM, "not a plain file");
	unlink(f->path);
	assert_int_equal(mkdir(f->path, 0700), 0);
	load_fails(f, -EPERM, "not a plain file");
	rmdir(f->path);
	tree_write(&f->tree, "state", HEAD END);
	assert_int_equal(chmod(f->path, 0620), 0);
	load_fails(f, -EPERM, "others may write to it (mode 620)");
	assert_int_equal(chmod(f->path, 0602), 0);
	load_fails(f, -EPERM, "others may write to it (mode 602)");
	assert_int_equal(chmod(f->path, 0644), 0);
	assert_int_equal(wd_state_load(f->path, &s, &info, f->err), 0);
	wd_store_free(s);
	if (geteuid() == 0) {
		assert_int_equal(chown(f->path, 12345, 0), 0);
		load_fails(f, -EPERM, "belongs to user 12345");
	}
	tree_write(&f->tree, "state", HEAD);
	assert_int_equal(chown(f->path, geteuid(), (gid_t)-1), 0);
	load_fails(f, -EPROTO, "line 2: it ends too early");
}

static void saving(void **state)
{
	struct wd_state_info info = {.saved_ns = 1};
	struct wd_store *s = random_store(7);
	struct fixture *f = *state;
	char other[200], want[300];
	struct stat st;

	/* what was there before stays while it is written, and is replaced then */
	tree_write(&f->tree, "state", "old");
	assert_int_equal(chmod(f->path, 0666), 0);
	assert_int_equal(wd_state_save(f->path, s, &info, f->err), 0);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_true(st.st_size > 100);
	/* nothing else is left in the directory */
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(rmdir(f->tree.root), 0);
	snprintf(want, sizeof(want), "%s: No such file or directory", f->path);
	assert_int_equal(wd_state_save(f->path, s, &info, f->err), -ENOENT);
	assert_string_equal(f->err, want);
	assert_int_equal(mkdir(f->tree.root, 0700), 0);
	tree_write(&f->tree, "other", "mine");
	tree_link(&f->tree, "state", "other");
	assert_int_equal(wd_state_save(f->path, s, &info, f->err), -ELOOP);
	snprintf(other, sizeof(other), "%s/other", f->tree.root);
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_size, 4);
	wd_store_free(s);
}

/* Writing fails in the midst of it, here by a limit: the old file stays, and nothing besides. */
static void a_failed_save_keeps_the_old_file(void **state)
{
	struct wd_state_info info = {.saved_ns = 1};
	struct wd_store *s = random_store(7);
	struct fixture *f = *state;
	struct rlimit old, small;
	struct stat st;

	tree_write(&f->tree, "state", "old");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 1000;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(wd_state_save(f->path, s, &info, f->err), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_size, 3);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(rmdir(f->tree.root), 0);
	wd_store_free(s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_saved_is_loaded),
		TEST(broken_files),
		TEST(no_prefix_passes),
		TEST(an_object_that_was_too_long_is_counted),
		TEST(a_long_object_is_saved_as_skipped),
		TEST(long_names_are_refused),
		TEST(only_a_file_of_our_own_is_believed),
		TEST(saving),
		TEST(a_failed_save_keeps_the_old_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>

#include "kube/split.h"
#include "tests/unit/kube/snapping.h"

struct writing {
	struct fixture *f;
	struct wd_snapshot_writer *w;
	char dir[128];
};

static struct writing writing(struct fixture *f)
{
	struct writing w = {.f = f};

	snprintf(w.dir, sizeof(w.dir), "%s/out", f->tree.root);
	assert_int_equal(wd_snapshot_create(w.dir, &w.w, f->err), 0);
	return w;
}

static void put(struct writing *w, enum wd_resource r, const char *json)
{
	if (wd_snapshot_item(w->w, r, json, strlen(json)))
		fail_msg("%s", wd_snapshot_error(w->w));
}

/* "" there is none. */
static const char *content(const struct writing *w, const char *name)
{
	static char text[65536];
	char path[400];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	f = fopen(path, "r");
	text[0] = '\0';
	if (f) {
		text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
		fclose(f);
	}
	return text;
}

static mode_t mode_of(const struct writing *w, const char *name)
{
	char path[400];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	return lstat(path, &st) ? 0 : st.st_mode;
}

static void items_get_what_they_lack(void **state)
{
	static const char *const items[][2] = {
		{"{\"metadata\":{\"name\":\"x\"}}",
	         "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"x\"}}"},
		{"{ \"kind\" : \"Pod\" ,\"apiVersion\":\"v1\"}",
	         "{ \"kind\" : \"Pod\" ,\"apiVersion\":\"v1\"}"},
		{"{\"a\":{\"kind\":1},\"b\":\"kind\",\"c\":[\"apiVersion\"],\"d\":\"\\\","
	         "\\\"kind\\\":\"}",
	         "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"a\":{\"kind\":1},\"b\":\"kind\",\"c\":["
	         "\"apiVersion\"],\"d\":\"\\\",\\\"kind\\\":\"}"},
		{"{\"kind\":\"Pod\"}", "{\"apiVersion\":\"v1\",\"kind\":\"Pod\"}"},
		{"{ }", "{\"apiVersion\":\"v1\",\"kind\":\"Pod\" }"},
	};
	struct writing w = writing(*state);
	char want[4096] = "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[";

	assert_int_equal(wd_snapshot_begin(w.w, WD_RESOURCE_POD), 0);
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		put(&w, WD_RESOURCE_POD, items[i][0]);
		strcat(want, i ? ",\n" : "\n");
		strcat(want, items[i][1]);
	}
	/* not under its name before it is whole */
	assert_int_equal(mode_of(&w, "pods.json"), 0);
	assert_int_equal(wd_snapshot_end(w.w, WD_RESOURCE_POD), 0);
	strcat(want, "\n],\"metadata\":{\"resourceVersion\":\"\"}}\n");
	assert_string_equal(content(&w, "pods.json"), want);
	assert_int_equal(mode_of(&w, "pods.json"), S_IFREG | 0600);
	assert_int_equal(mode_of(&w, "."), S_IFDIR | 0700);
	assert_int_equal(wd_snapshot_begin(w.w, WD_RESOURCE_SLICE), 0);
	put(&w, WD_RESOURCE_SLICE, "{\"x\":1}");
	assert_int_equal(wd_snapshot_end(w.w, WD_RESOURCE_SLICE), 0);
	assert_non_null(strstr(content(&w, "endpointslices.json"),
	                       "{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\","
	                       "\"x\":1}"));
	wd_snapshot_free(w.w);
}

static int copy_item(const char *json, size_t n, void *ctx)
{
	struct writing *w = ctx;

	return wd_snapshot_item(w->w, WD_RESOURCE_POLICY, json, n);
}

static void what_is_written_is_read(void **state)
{
	struct writing w = writing(*state);
	const struct wd_store_state *st;
	char text[8192];
	struct wd_split *s;
	json_t *json;
	FILE *f;
	size_t n;

	f = fopen("tests/unit/kube/data/networkpolicies.json", "r");
	assert_non_null(f);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	assert_int_equal(wd_snapshot_begin(w.w, WD_RESOURCE_POLICY), 0);
	assert_int_equal(wd_snapshot_begin(w.w, WD_RESOURCE_POD), 0);
	assert_int_equal(wd_split_new(WD_SPLIT_LIST, copy_item, &w, &s), 0);
	assert_int_equal(wd_split_feed(s, text, n), 0);
	wd_split_free(s);
	assert_int_equal(wd_snapshot_end(w.w, WD_RESOURCE_POD), 0);
	assert_int_equal(wd_snapshot_end(w.w, WD_RESOURCE_POLICY), 0);
	assert_int_equal(wd_snapshot_missing_list(w.w, WD_RESOURCE_NODE, "403 \x1b[2J\nForbidden"),
	                 0);
	assert_int_equal(wd_snapshot_missing(w.w, "node/nft.json", "exit status 1"), 0);
	assert_int_equal(wd_snapshot_node_only(w.w, WD_RESOURCE_POD, "aks-1"), 0);
	assert_int_equal(wd_snapshot_finish(w.w), 0);
	wd_snapshot_free(w.w);
	assert_string_equal(
		content(&w, "MISSING"),
		"- nodes.json: 403 \\x1b[2J\\nForbidden\n- node/nft.json: exit status 1\n"
		"~ pods.json: only those of node aks-1\n");
	/* any reader of JSON takes it */
	json = json_loads(content(&w, "networkpolicies.json"), 0, NULL);
	assert_int_equal(json_array_size(json_object_get(json, "items")), 4);
	json_decref(json);
	assert_int_equal(wd_snapshot_read(w.dir, w.f->store, w.f->err), 0);
	st = wd_store_state(w.f->store, WD_RESOURCE_POLICY);
	assert_true(st->complete);
	assert_null(st->problem);
	assert_int_equal(wd_store_count(w.f->store, WD_RESOURCE_POLICY), 4);
	assert_true(wd_store_state(w.f->store, WD_RESOURCE_POD)->node_only);
	st = wd_store_state(w.f->store, WD_RESOURCE_NODE);
	assert_non_null(strstr(st->problem, "/nodes.json is not there: 403 \\x1b[2J\\nForbidden"));
}

static void what_was_not_ended_is_not_there(void **state)
{
	struct writing w = writing(*state);

	assert_int_equal(wd_snapshot_item(w.w, WD_RESOURCE_POD, "{}", 2), -EINVAL);
	assert_int_equal(wd_snapshot_begin(w.w, WD_RESOURCE_POD), 0);
	assert_int_equal(wd_snapshot_begin(w.w, WD_RESOURCE_POD), -EBUSY);
	assert_int_equal(wd_snapshot_begin(w.w, WD_RESOURCE_NODE), 0);
	put(&w, WD_RESOURCE_POD, "{}");
	assert_int_equal(wd_snapshot_item(w.w, WD_RESOURCE_POD, "[]", 2), -EINVAL);
	wd_snapshot_abort(w.w, WD_RESOURCE_POD);
	assert_int_equal(wd_snapshot_end(w.w, WD_RESOURCE_POD), -EINVAL);
	wd_snapshot_free(w.w);
	/* nothing is left of either, so it can be used again */
	assert_int_equal(wd_snapshot_create(w.dir, &w.w, w.f->err), 0);
	wd_snapshot_free(w.w);
}

static void create_fails(struct fixture *f, const char *name, int error, const char *why)
{
	struct wd_snapshot_writer *w = NULL;
	char path[200], want[400];

	snprintf(path, sizeof(path), "%s/%s", f->tree.root, name);
	snprintf(want, sizeof(want), "%s: %s", path, why);
	assert_int_equal(wd_snapshot_create(path, &w, f->err), error);
	assert_string_equal(f->err, want);
	assert_null(w);
}

static void only_a_directory_of_our_own_is_written_to(void **state)
{
	struct fixture *f = *state;
	struct wd_snapshot_writer *w;
	char path[200];

	tree_write(&f->tree, "full/x", "");
	create_fails(f, "full", -ENOTEMPTY, "this directory is not empty; name a new one");
	tree_write(&f->tree, "hidden/.x", "");
	create_fails(f, "hidden", -ENOTEMPTY, "this directory is not empty; name a new one");
	create_fails(f, "no/such", -ENOENT, "No such file or directory");
	create_fails(f, "full/x", -ENOTDIR, "Not a directory");
	tree_dir(&f->tree, "open");
	snprintf(path, sizeof(path), "%s/open", f->tree.root);
	assert_int_equal(chmod(path, 0777), 0);
	create_fails(f, "open", -EPERM, "another user may write to this directory; name a new one");
	assert_int_equal(chmod(path, 0755), 0);
	tree_link(&f->tree, "link", "open");
	create_fails(f, "link", -ENOTDIR, "Not a directory");
	assert_int_equal(wd_snapshot_create(path, &w, f->err), 0);
	wd_snapshot_free(w);
}

static void files_of_the_node(void **state)
{
	static const char *const bad[] = {
		"",        "x",           "node",       "node/",       "/node/x",   "node//x",
		"node/..", "node/../x",   "node/./x",   "node/a/../b", "../node/x", "node/a/",
		"nodes/x", "/etc/passwd", "node/a//..", "node/.",
	};
	struct writing w = writing(*state);
	char *big = malloc(10u << 20), path[300];
	struct stat st;

	assert_non_null(big);
	memset(big, 'x', 10u << 20);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(wd_snapshot_file(w.w, bad[i], "x", 1), -EINVAL);
	assert_int_equal(wd_snapshot_file(w.w, "node/nft.json", "{}", 2), 0);
	assert_int_equal(wd_snapshot_file(w.w, "node/files/var/lib/cni/a", "text", 4), 0);
	assert_int_equal(wd_snapshot_file(w.w, "node/files/var/lib/cni/..b", "", 0), 0);
	assert_int_equal(wd_snapshot_file(w.w, "node/big", big, 10u << 20), 0);
	free(big);
	assert_string_equal(content(&w, "node/nft.json"), "{}");
	assert_string_equal(content(&w, "node/files/var/lib/cni/a"), "text");
	assert_int_equal(mode_of(&w, "node/files/var/lib/cni/..b"), S_IFREG | 0600);
	assert_int_equal(mode_of(&w, "node/files"), S_IFDIR | 0700);
	snprintf(path, sizeof(path), "%s/node/big", w.dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 10 << 20);
	/* a link on the way is not followed */
	snprintf(path, sizeof(path), "%s/node/link", w.dir);
	assert_int_equal(symlink("/tmp", path), 0);
	assert_int_equal(wd_snapshot_file(w.w, "node/link/wd-must-not-be", "x", 1), -ENOTDIR);
	assert_int_equal(wd_snapshot_file(w.w, "node/link", "x", 1), -ELOOP);
	assert_int_equal(wd_snapshot_file(w.w, "node/files", "x", 1), -EEXIST);
	assert_non_null(strstr(wd_snapshot_error(w.w), "/out/node/files: File exists"));
	wd_snapshot_free(w.w);
}

static void missing_is_bounded(void **state)
{
	struct writing w = writing(*state);
	struct wd_snapshot_gaps gaps;
	char *long_one = malloc(100001);

	assert_non_null(long_one);
	memset(long_one, '\x01', 100000);
	long_one[100000] = '\0';
	assert_int_equal(wd_snapshot_missing(w.w, "a", long_one), 0);
	for (int i = 1; i < WD_SNAPSHOT_MISSING_MAX; i++)
		assert_int_equal(wd_snapshot_missing(w.w, "b: c", "d"), 0);
	assert_int_equal(wd_snapshot_missing(w.w, "c", "d"), -ENOSPC);
	assert_int_equal(wd_snapshot_finish(w.w), 0);
	wd_snapshot_free(w.w);
	free(long_one);
	assert_int_equal(wd_snapshot_gaps_read(w.dir, &gaps), 0);
	assert_int_equal(gaps.n, WD_SNAPSHOT_MISSING_MAX);
	assert_int_equal(strlen(wd_snapshot_gap_find(&gaps, "a")->reason), 4000);
	assert_null(wd_snapshot_gap_find(&gaps, "c"));
	wd_snapshot_gaps_release(&gaps);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(items_get_what_they_lack),
		TEST(what_is_written_is_read),
		TEST(what_was_not_ended_is_not_there),
		TEST(only_a_directory_of_our_own_is_written_to),
		TEST(files_of_the_node),
		TEST(missing_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

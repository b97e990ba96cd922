/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/kube/snapping.h"

static const struct wd_store_state *read_one(struct fixture *f, enum wd_resource r)
{
	wd_store_free(f->store);
	assert_int_equal(wd_store_new(&f->store), 0);
	assert_int_equal(wd_snapshot_read(f->tree.root, f->store, f->err), 0);
	return wd_store_state(f->store, r);
}

/* The pods of pods.json with this content. */
static const struct wd_store_state *pods_of(struct fixture *f, const char *text)
{
	tree_write(&f->tree, "pods.json", text);
	return read_one(f, WD_RESOURCE_POD);
}

static void problem_is(struct fixture *f, const struct wd_store_state *st, const char *rest)
{
	if (!rest) {
		assert_null(st->problem);
		return;
	}
	assert_non_null(st->problem);
	assert_int_equal(strncmp(st->problem, f->tree.root, strlen(f->tree.root)), 0);
	assert_string_equal(st->problem + strlen(f->tree.root) + 1, rest);
}

#define POD(name) "{\"metadata\":{\"namespace\":\"n\",\"name\":\"" name "\"}}"
#define LIST(kind, items) \
	"{\"apiVersion\":\"v1\",\"items\":[" items "],\"kind\":\"" kind "\",\"metadata\":{}}"

static void a_list(void **state)
{
	struct fixture *f = *state;
	struct timespec times[2] = {{0, UTIME_OMIT}, {1795348800, 218000001}};
	const struct wd_store_state *st;
	char path[200];

	tree_write(&f->tree, "pods.json", LIST("List", POD("a") "," POD("b")));
	snprintf(path, sizeof(path), "%s/pods.json", f->tree.root);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	st = read_one(f, WD_RESOURCE_POD);
	problem_is(f, st, NULL);
	assert_true(st->complete);
	assert_false(st->live);
	assert_false(st->node_only);
	assert_false(st->absent);
	assert_int_equal(st->skipped, 0);
	assert_int_equal(st->as_of_ns, 1795348800218000001ull);
	assert_int_equal(wd_store_count(f->store, WD_RESOURCE_POD), 2);
	assert_non_null(wd_store_get(f->store, WD_RESOURCE_POD, "n", "b"));
	assert_true(pods_of(f, LIST("PodList", ""))->complete);
	assert_true(pods_of(f, "{\"kind\":\"PodList\",\"items\":null}")->complete);
	assert_true(pods_of(f, "{\"kind\":\"List\"}")->complete);
}

static void an_absent_file_is_unknown(void **state)
{
	struct fixture *f = *state;
	const struct wd_store_state *st = pods_of(f, LIST("List", ""));

	assert_true(st->complete);
	st = wd_store_state(f->store, WD_RESOURCE_SERVICE);
	assert_false(st->complete);
	assert_false(st->absent);
	assert_int_equal(st->as_of_ns, 0);
	problem_is(f, st, "services.json is not there");
	tree_write(
		&f->tree, "MISSING",
		"- nodes.json: 403 Forbidden\nnonsense\n- x\n~ pods.json: only those of node a: b\n"
		"- services.json: timed out");
	st = read_one(f, WD_RESOURCE_SERVICE);
	problem_is(f, st, "services.json is not there: timed out");
	problem_is(f, wd_store_state(f->store, WD_RESOURCE_NODE),
	           "nodes.json is not there: 403 Forbidden");
	problem_is(f, wd_store_state(f->store, WD_RESOURCE_NNC),
	           "nodenetworkconfigs.json is not there");
	st = wd_store_state(f->store, WD_RESOURCE_POD);
	assert_true(st->complete);
	assert_true(st->node_only);
	problem_is(f, st, "pods.json: only those of node a: b");
}

static void unreadable_objects_are_counted(void **state)
{
	struct fixture *f = *state;
	const struct wd_store_state *st = pods_of(
		f, LIST("List", POD("a") ",{},{\"metadata\":7},{\"metadata\":{\"namespace\":\"n\","
	                                 "\"name\":\"c\"},\"spec\":{\"nodeName\":\"\xff\"}},"
	                                 "{\"kind\":\"Service\"}," POD("b")));

	assert_true(st->complete);
	assert_int_equal(st->skipped, 4);
	problem_is(f, st, "pods.json: item 1: metadata.name: missing");
	assert_int_equal(wd_store_count(f->store, WD_RESOURCE_POD), 2);
}

/* Wherever it is cut: not complete, and the offset is told. */
static void a_broken_file_is_not_complete(void **state)
{
	static const char whole[] = LIST("List", POD("a") "," POD("b"));
	struct fixture *f = *state;
	char cut[sizeof(whole)], want[100];
	const struct wd_store_state *st;

	for (size_t n = 1; n < sizeof(whole) - 1; n++) {
		memcpy(cut, whole, n);
		cut[n] = '\0';
		st = pods_of(f, cut);
		assert_false(st->complete);
		snprintf(want, sizeof(want), "pods.json: byte %zu: it ends in the midst", n);
		problem_is(f, st, want);
	}
	st = pods_of(f, "");
	assert_false(st->complete);
	problem_is(f, st, "pods.json: it is empty");
	st = pods_of(f, LIST("List", POD("a") ",{}!" POD("b")));
	problem_is(f, st, "pods.json: byte 72: '!' where ',' or ']' should be");
	assert_int_equal(wd_store_count(f->store, WD_RESOURCE_POD), 1);
	assert_int_equal(st->skipped, 1);
	st = pods_of(f, "\xef\xbb\xbf" LIST("List", ""));
	problem_is(f, st, "pods.json: byte 0: a byte order mark, which JSON must not have");
	st = pods_of(f, "Error from server (Forbidden): pods is forbidden");
	problem_is(f, st, "pods.json: byte 0: 'E' where a JSON object should be");
}

static void other_documents_are_refused(void **state)
{
	static const char *const others[][2] = {
		{LIST("ServiceList", POD("a")),
	         "pods.json: kind: \"ServiceList\" where a list of pods should be"},
		{"{\"items\":[" POD("a") "]}",
	         "pods.json: kind: \"\" where a list of pods should be"},
		{POD("a"), "pods.json: kind: \"\" where a list of pods should be"},
		{LIST("Pod", POD("a")), "pods.json: kind: \"Pod\" where a list of pods should be"},
		{LIST("PartialObjectMetadataList", POD("a")),
	         "pods.json: kind: \"PartialObjectMetadataList\" where a list of pods should be"},
		{"{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"code\":403,\"message\":\"no\"}",
	         "pods.json: holds an answer of the server instead: 403 Forbidden: no"},
		{"{\"kind\":nonsense}", NULL},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const struct wd_store_state *st = pods_of(f, others[i][0]);

		assert_false(st->complete);
		assert_int_equal(st->as_of_ns, 0);
		assert_int_equal(wd_store_count(f->store, WD_RESOURCE_POD), 0);
		assert_non_null(st->problem);
		if (others[i][1])
			problem_is(f, st, others[i][1]);
	}
}

static void one_page_is_not_complete(void **state)
{
	struct fixture *f = *state;
	const struct wd_store_state *st = pods_of(f,
	                                          "{\"kind\":\"PodList\",\"metadata\":{"
	                                          "\"continue\":\"x\"},\"items\":[" POD("a") "]}");

	assert_false(st->complete);
	problem_is(f, st, "pods.json: one page of a longer list (metadata.continue)");
	assert_int_equal(wd_store_count(f->store, WD_RESOURCE_POD), 1);
}

static void namespaces_may_be_metadata_alone(void **state)
{
	struct fixture *f = *state;
	const struct wd_store_state *st;

	tree_write(&f->tree, "namespaces.json",
	           LIST("PartialObjectMetadataList",
	                "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\","
	                "\"metadata\":{\"name\":\"a\"}}"));
	st = read_one(f, WD_RESOURCE_NAMESPACE);
	problem_is(f, st, NULL);
	assert_true(st->complete);
	assert_int_equal(wd_store_count(f->store, WD_RESOURCE_NAMESPACE), 1);
}

static void only_plain_files_are_read(void **state)
{
	struct fixture *f = *state;
	char path[200];

	tree_write(&f->tree, "elsewhere", LIST("List", POD("a")));
	tree_link(&f->tree, "pods.json", "elsewhere");
	tree_dir(&f->tree, "services.json");
	snprintf(path, sizeof(path), "%s/nodes.json", f->tree.root);
	assert_int_equal(mkfifo(path, 0600), 0);
	problem_is(f, read_one(f, WD_RESOURCE_POD),
	           "pods.json is a symbolic link, which is not followed");
	problem_is(f, wd_store_state(f->store, WD_RESOURCE_SERVICE),
	           "services.json is not a plain file");
	problem_is(f, wd_store_state(f->store, WD_RESOURCE_NODE), "nodes.json is not a plain file");
	assert_int_equal(wd_snapshot_read(path, f->store, f->err), -ENOTDIR);
	assert_non_null(strstr(f->err, "nodes.json: Not a directory"));
	assert_int_equal(wd_snapshot_read("/nonexistent/dir", f->store, f->err), -ENOENT);
	assert_string_equal(f->err, "/nonexistent/dir: No such file or directory");
}

/* What a real server said, under the names of a snapshot. */
static void the_shop(void **state)
{
	static const unsigned int counts[WD_RESOURCE_MAX] = {9, 12, 12, 4, 7, 2, 1};
	struct fixture *f = *state;

	(void)f;
	if (wd_snapshot_read("../shared/fixtures/shop/api", f->store, f->err)) {
		printf("no ../shared/fixtures\n");
		skip();
	}
	for (int r = 0; r < WD_RESOURCE_MAX; r++) {
		const struct wd_store_state *st = wd_store_state(f->store, (enum wd_resource)r);

		assert_null(st->problem);
		assert_true(st->complete);
		assert_int_equal(st->skipped, 0);
		assert_int_not_equal(st->as_of_ns, 0);
		assert_int_equal(wd_store_count(f->store, (enum wd_resource)r), counts[r]);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_list),
		TEST(an_absent_file_is_unknown),
		TEST(unreadable_objects_are_counted),
		TEST(a_broken_file_is_not_complete),
		TEST(other_documents_are_refused),
		TEST(one_page_is_not_complete),
		TEST(namespaces_may_be_metadata_alone),
		TEST(only_plain_files_are_read),
		TEST(the_shop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

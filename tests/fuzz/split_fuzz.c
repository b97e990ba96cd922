/* SPDX-License-Identifier: Apache-2.0 */
/* The splitter: what it gives out does not depend on how the bytes were cut into pieces, and is
 * what jansson sees in the whole. */
#include "fuzz.h"

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "kube/split.h"

WD_FUZZ_TEXT_SEEDS(
	WD_FUZZ_TEXT(
		"{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":"
		"\"368\",\"continue\":\"\"},\"items\":[{\"metadata\":{\"name\":\"a\"}},{\"b\":[1,"
		"{\"items\":[{}]},\"]}\\\"\"]}]}"),
	WD_FUZZ_TEXT("{\"items\":null,\"n\":-1.5e3,\"t\":true,\"kind\":\"List\"}"),
	WD_FUZZ_TEXT(
		"{ \"x\" : {\"items\":[{}]} , \"items\" : [ { } , { \"\\\\\" : \"\\\"\" } ] }\n"),
	WD_FUZZ_TEXT("{\"type\":\"ADDED\",\"object\":{\"a\":[[[]]]}}\n{\"type\":\"BOOKMARK\"} {}"),
	WD_FUZZ_TEXT("{\"items\":[]}"), WD_FUZZ_TEXT("\xef\xbb\xbf{}"))

struct seen {
	struct wd_buf text;
	unsigned int n;
};

static int each(const char *json, size_t n, void *ctx)
{
	struct seen *s = ctx;

	WD_FUZZ_CHECK(n >= 2 && json[0] == '{' && json[n - 1] == '}');
	wd_buf_put(&s->text, json, n);
	wd_buf_putc(&s->text, '\n');
	s->n++;
	return 0;
}

struct result {
	struct seen seen;
	char error[200], envelope[WD_FUZZ_MAX];
	size_t envelope_n;
	int result;
};

static void run(enum wd_split_kind kind, const char *p, size_t n, size_t piece, struct result *r)
{
	struct wd_split *s;
	const char *e;

	memset(r, 0, sizeof(*r));
	wd_buf_init(&r->seen.text, 1 << 20);
	WD_FUZZ_CHECK(wd_split_new(kind, each, &r->seen, &s) == 0);
	for (size_t at = 0; at < n && !r->result; at += piece)
		r->result = wd_split_feed(s, p + at, n - at < piece ? n - at : piece);
	if (!r->result)
		r->result = wd_split_end(s);
	e = wd_split_envelope(s, &r->envelope_n);
	WD_FUZZ_CHECK(r->envelope_n <= n);
	memcpy(r->envelope, e, r->envelope_n);
	WD_FUZZ_CHECK(strlen(wd_split_error(s)) < sizeof(r->error));
	strcpy(r->error, wd_split_error(s));
	WD_FUZZ_CHECK((r->result == 0) == (r->error[0] == '\0'));
	wd_split_free(s);
}

static void result_free(struct result *r)
{
	wd_buf_release(&r->seen.text);
}

static void same(const struct result *a, const struct result *b)
{
	WD_FUZZ_CHECK(a->result == b->result && strcmp(a->error, b->error) == 0);
	WD_FUZZ_CHECK(a->seen.text.len == b->seen.text.len);
	WD_FUZZ_CHECK(!a->seen.text.len ||
	              !memcmp(a->seen.text.data, b->seen.text.data, a->seen.text.len));
	if (a->result)
		return; /* it is of use only when the list is over */
	WD_FUZZ_CHECK(a->envelope_n == b->envelope_n);
	WD_FUZZ_CHECK(!memcmp(a->envelope, b->envelope, a->envelope_n));
}

/* Where jansson reads the whole as an object, a list has as many items as its array, all of
 * them objects. */
static void compare(const char *p, size_t n, const struct result *r)
{
	json_t *whole = json_loadb(p, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	json_t *items = json_object_get(whole, "items"), *one;
	bool objects = true;
	size_t i;

	json_array_foreach (items, i, one)
		objects &= json_is_object(one);
	/* a key with an escape is refused though it is JSON, and so is what is too deep */
	if (json_is_object(whole) && objects && !r->result)
		WD_FUZZ_CHECK(r->seen.n == json_array_size(items));
	if (json_is_object(whole) && !objects)
		WD_FUZZ_CHECK(r->result < 0);
	if (json_is_object(whole) && objects && (!items || json_is_array(items)) &&
	    !memchr(p, '\\', n) && n < 2 * WD_SPLIT_DEPTH_MAX)
		WD_FUZZ_CHECK(r->result == 0);
	json_decref(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct result whole, pieces;
	const char *p = (const char *)data;

	for (int kind = WD_SPLIT_LIST; kind <= WD_SPLIT_STREAM; kind++) {
		run((enum wd_split_kind)kind, p, size, WD_FUZZ_MAX, &whole);
		if (kind == WD_SPLIT_LIST)
			compare(p, size, &whole);
		for (size_t piece = 1; piece <= 7; piece += 3) {
			run((enum wd_split_kind)kind, p, size, piece, &pieces);
			same(&whole, &pieces);
			result_free(&pieces);
		}
		result_free(&whole);
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "kube/split.h"

/* ---- scratch ----------------------------------------------------------------------------- */

struct wd_parse_piece {
	struct wd_parse_piece *next;
	size_t size, used;
	_Alignas(max_align_t) char mem[];
};

static struct wd_parse_piece *piece_add(struct wd_parse *p, size_t n)
{
	size_t size = n > WD_PARSE_KEEP ? n : WD_PARSE_KEEP;
	struct wd_parse_piece *piece;

	if (size > WD_PARSE_SCRATCH_MAX - p->scratch) {
		p->error = p->error ? p->error : -EPROTO;
		if (!p->err[0])
			snprintf(p->err, sizeof(p->err), "holds more than can be kept");
		return NULL;
	}
	piece = malloc(sizeof(*piece) + size);
	if (!piece) {
		p->error = -ENOMEM;
		return NULL;
	}
	piece->next = p->pieces;
	piece->size = size;
	piece->used = 0;
	p->pieces = piece;
	p->scratch += size;
	return piece;
}

void *wd_parse_alloc(struct wd_parse *p, size_t n, size_t size)
{
	size_t align = _Alignof(max_align_t), bytes;
	struct wd_parse_piece *piece = p->pieces;
	void *at;

	if (!n || p->error)
		return NULL;
	/* n is at most the elements of 4 MiB of JSON */
	bytes = (n * size + align - 1) / align * align;
	if (!piece || piece->size - piece->used < bytes)
		piece = piece_add(p, bytes);
	if (!piece)
		return NULL;
	at = piece->mem + piece->used;
	piece->used += bytes;
	return memset(at, 0, bytes);
}

void wd_parse_scratch_drop(struct wd_parse *p, size_t keep)
{
	struct wd_parse_piece *piece = p->pieces;

	p->pieces = NULL;
	p->scratch = 0;
	while (piece) {
		struct wd_parse_piece *next = piece->next;

		if (!p->pieces && piece->size <= keep) {
			p->pieces = piece;
			p->scratch = piece->size;
			piece->used = 0;
			piece->next = NULL;
		} else {
			free(piece);
		}
		piece = next;
	}
}

/* ---- errors ------------------------------------------------------------------------------ */

static void path_put(struct wd_buf *b, const struct wd_field *f)
{
	if (f->up)
		path_put(b, f->up);
	if (!f->key)
		wd_buf_printf(b, "[%zu]", f->index);
	else if (f->key[0])
		wd_buf_printf(b, "%s%s", b->len ? "." : "", f->key);
}

void wd_field_fail(struct wd_parse *p, const struct wd_field *f, const char *what)
{
	struct wd_buf b;

	if (p->error)
		return;
	p->error = -EPROTO;
	/* keys of labels are text from outside, and may be long */
	wd_buf_init(&b, WD_SPLIT_VALUE_MAX);
	path_put(&b, f);
	snprintf(p->err, sizeof(p->err), "%.*s%s%s", (int)(b.len < 150 ? b.len : 150),
	         b.data ? b.data : "", b.len ? ": " : "", what);
	wd_buf_release(&b);
}

/* ---- members ----------------------------------------------------------------------------- */

struct wd_field wd_field_any(struct wd_parse *p, const struct wd_field *up, const char *key)
{
	struct wd_field f = {.up = up, .key = key};

	(void)p;
	f.json = json_object_get(up->json, key);
	if (json_is_null(f.json))
		f.json = NULL;
	return f;
}

struct wd_field wd_field_object(struct wd_parse *p, const struct wd_field *up, const char *key)
{
	struct wd_field f = wd_field_any(p, up, key);

	if (f.json && !json_is_object(f.json)) {
		wd_field_fail(p, &f, "not an object");
		f.json = NULL;
	}
	return f;
}

struct wd_field wd_field_array(struct wd_parse *p, const struct wd_field *up, const char *key)
{
	struct wd_field f = wd_field_any(p, up, key);

	if (f.json && !json_is_array(f.json)) {
		wd_field_fail(p, &f, "not an array");
		f.json = NULL;
	}
	return f;
}

const char *wd_field_text(struct wd_parse *p, const struct wd_field *f)
{
	const char *s;

	if (!f->json)
		return "";
	s = json_string_value(f->json);
	if (!s) {
		wd_field_fail(p, f, "not a string");
		return "";
	}
	if (strlen(s) != json_string_length(f->json)) {
		wd_field_fail(p, f, "holds a NUL");
		return "";
	}
	return s;
}

const char *wd_field_string(struct wd_parse *p, const struct wd_field *up, const char *key)
{
	struct wd_field f = wd_field_any(p, up, key);

	return wd_field_text(p, &f);
}

bool wd_field_bool(struct wd_parse *p, const struct wd_field *up, const char *key, bool absent)
{
	struct wd_field f = wd_field_any(p, up, key);

	if (!f.json)
		return absent;
	if (!json_is_boolean(f.json))
		wd_field_fail(p, &f, "neither true nor false");
	return json_is_true(f.json);
}

int64_t wd_field_int(struct wd_parse *p, const struct wd_field *up, const char *key, int64_t absent)
{
	struct wd_field f = wd_field_any(p, up, key);

	if (!f.json)
		return absent;
	if (!json_is_integer(f.json))
		wd_field_fail(p, &f, "not an integer");
	return json_integer_value(f.json);
}

uint64_t wd_field_count(struct wd_parse *p, const struct wd_field *up, const char *key)
{
	int64_t v = wd_field_int(p, up, key, 0);

	if (v < 0) {
		struct wd_field f = wd_field_any(p, up, key);

		wd_field_fail(p, &f, "negative");
		return 0;
	}
	return (uint64_t)v;
}

struct wd_labels wd_field_labels(struct wd_parse *p, const struct wd_field *up, const char *key)
{
	struct wd_field f = wd_field_object(p, up, key), one = {.up = &f};
	size_t n = json_object_size(f.json);
	struct wd_labels ret = {NULL, 0};
	struct wd_label *v = wd_parse_alloc(p, n, sizeof(*v));
	json_t *object = (json_t *)(uintptr_t)f.json;

	if (!v)
		return ret;
	json_object_foreach (object, one.key, one.json) {
		v[ret.n].key = one.key;
		v[ret.n].value = "";
		if (!json_is_null(one.json))
			v[ret.n].value = wd_field_text(p, &one);
		ret.n++;
	}
	ret.v = v;
	return ret;
}

/* ---- elements ---------------------------------------------------------------------------- */

size_t wd_field_size(const struct wd_field *array)
{
	return json_array_size(array->json);
}

struct wd_field wd_field_at(const struct wd_field *array, size_t i)
{
	return (struct wd_field){.up = array, .index = i, .json = json_array_get(array->json, i)};
}

struct wd_field wd_field_object_at(struct wd_parse *p, const struct wd_field *array, size_t i)
{
	struct wd_field f = wd_field_at(array, i);

	if (!json_is_object(f.json)) {
		wd_field_fail(p, &f, "not an object");
		f.json = NULL;
	}
	return f;
}

const char *wd_field_string_at(struct wd_parse *p, const struct wd_field *array, size_t i)
{
	struct wd_field f = wd_field_at(array, i);

	return wd_field_text(p, &f);
}

const struct wd_addr *wd_field_addrs(struct wd_parse *p, const struct wd_field *up, const char *key,
                                     unsigned int *ret_n)
{
	struct wd_field list = wd_field_array(p, up, key);
	size_t n = wd_field_size(&list);
	struct wd_addr *v = wd_parse_alloc(p, n, sizeof(*v));

	*ret_n = 0;
	for (size_t i = 0; v && i < n; i++) {
		const char *text = wd_field_string_at(p, &list, i);

		if (wd_addr_parse(text, &v[*ret_n]) == 0)
			++*ret_n;
		else if (text[0])
			p->left_out++;
	}
	return v;
}

/* wd_prefix_parse() refuses host bits; Go's net.ParseCIDR clears them, so 10.0.0.1/8 is
 * 10.0.0.0/8 to every data plane. */
bool wd_parse_prefix(const char *text, struct wd_prefix *ret)
{
	char host[WD_ADDR_STRLEN], whole[WD_PREFIX_STRLEN];
	struct wd_prefix p, any;
	const char *slash;
	size_t n;
	int r;

	text += strspn(text, " \t\n");
	n = strcspn(text, " \t\n");
	/* service.spec.loadBalancerSourceRanges is trimmed by those who use it */
	if (n >= sizeof(whole) || text[n + strspn(text + n, " \t\n")])
		return false;
	memcpy(whole, text, n);
	whole[n] = '\0';
	r = wd_prefix_parse(whole, &p);
	slash = strchr(whole, '/');
	if (r == -ERANGE && slash) {
		char zero[16];

		snprintf(zero, sizeof(zero), "%s%s", strchr(whole, ':') ? "::" : "0.0.0.0", slash);
		snprintf(host, sizeof(host), "%.*s", (int)(slash - whole), whole);
		if (wd_prefix_parse(zero, &any) || wd_addr_parse(host, &p.addr))
			return false;
		p.bits = any.bits;
		for (unsigned int i = p.bits; i < 128; i++)
			p.addr.b[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
	} else if (r) {
		return false;
	}
	*ret = p;
	return true;
}

const struct wd_prefix *wd_field_prefixes(struct wd_parse *p, const struct wd_field *up,
                                          const char *key, unsigned int *ret_n)
{
	struct wd_field list = wd_field_array(p, up, key);
	size_t n = wd_field_size(&list);
	struct wd_prefix *v = wd_parse_alloc(p, n, sizeof(*v));

	*ret_n = 0;
	for (size_t i = 0; v && i < n; i++) {
		const char *text = wd_field_string_at(p, &list, i);

		if (wd_parse_prefix(text, &v[*ret_n]))
			++*ret_n;
		else if (text[0])
			p->left_out++;
	}
	return v;
}

/* ---- what several kinds have -------------------------------------------------------------- */

uint8_t wd_field_proto(struct wd_parse *p, const struct wd_field *up)
{
	const char *s = wd_field_string(p, up, "protocol");

	if (!s[0] || !strcmp(s, "TCP"))
		return 6;
	if (!strcmp(s, "UDP"))
		return 17;
	return !strcmp(s, "SCTP") ? 132 : 0;
}

bool wd_parse_is_port(int64_t v)
{
	return v >= 1 && v <= 65535;
}

bool wd_field_condition(struct wd_parse *p, const struct wd_field *status, const char *type)
{
	struct wd_field list = wd_field_array(p, status, "conditions");

	for (size_t i = 0; i < wd_field_size(&list); i++) {
		struct wd_field c = wd_field_object_at(p, &list, i);

		if (!strcmp(wd_field_string(p, &c, "type"), type))
			return !strcmp(wd_field_string(p, &c, "status"), "True");
	}
	return false;
}

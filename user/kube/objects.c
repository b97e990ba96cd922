/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/objects.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/parse.h"
#include "kube/prune.h"
#include "kube/split.h"

/* An object that says a thing twice is refused: servers never do, and readers differ on which
 * counts. A NUL may be in texts that nobody reads here (arguments of a container). */
#define LOAD_FLAGS (JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL)

int wd_parse_new(struct wd_parse **ret)
{
	struct wd_parse *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	wd_buf_init(&p->pruned, WD_SPLIT_VALUE_MAX);
	*ret = p;
	return 0;
}

void wd_parse_free(struct wd_parse *p)
{
	if (!p)
		return;
	json_decref(p->root);
	wd_parse_scratch_drop(p, 0);
	wd_buf_release(&p->pruned);
	free(p);
}

uint64_t wd_parse_left_out(const struct wd_parse *p)
{
	return p->left_out;
}

/* No less than the values in it: each is the first of its array or object, or follows a comma. */
static bool has_too_many(const char *json, size_t n)
{
	size_t values = 1;

	if (n <= WD_PARSE_VALUES_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		values += json[i] == ',' || json[i] == '[' || json[i] == '{';
	return values > WD_PARSE_VALUES_MAX;
}

/* The tree of what is left when the useless is gone. */
static json_t *load_pruned(struct wd_parse *p, const char *json, size_t n)
{
	json_t *root = NULL;

	wd_buf_reset(&p->pruned);
	if (wd_prune(&p->pruned, json, n))
		root = json_loadb(p->pruned.data, p->pruned.len, LOAD_FLAGS, NULL);
	if (p->pruned.alloc > WD_PARSE_KEEP)
		wd_buf_release(&p->pruned);
	return root;
}

int wd_parse_load(struct wd_parse *p, const char *json, size_t n)
{
	json_error_t e;

	json_decref(p->root);
	p->root = NULL;
	wd_parse_scratch_drop(p, WD_PARSE_KEEP);
	p->error = 0;
	p->err[0] = '\0';
	if (n > WD_SPLIT_VALUE_MAX) {
		p->error = -EPROTO;
		snprintf(p->err, sizeof(p->err), "longer than %u bytes", WD_SPLIT_VALUE_MAX);
		return p->error;
	}
	if (has_too_many(json, n)) {
		p->error = -EPROTO;
		snprintf(p->err, sizeof(p->err), "holds too many values");
		return p->error;
	}
	p->root = load_pruned(p, json, n);
	if (!p->root)
		p->root = json_loadb(json, n, LOAD_FLAGS, &e);
	if (p->root && json_is_object(p->root))
		return 0;
	p->error = -EPROTO;
	if (p->root)
		snprintf(p->err, sizeof(p->err), "not an object");
	else if (json_error_code(&e) == json_error_out_of_memory)
		p->error = -ENOMEM;
	else
		snprintf(p->err, sizeof(p->err), "not JSON: byte %d: %s", e.position, e.text);
	return p->error;
}

static int finish(const struct wd_parse *p, char err[WD_PARSE_ERRLEN])
{
	if (p->error)
		memcpy(err, p->err, WD_PARSE_ERRLEN);
	return p->error;
}

/* ---- objects ----------------------------------------------------------------------------- */

/* Other APIs have kinds of the same name (projectcalico.org/v3 NetworkPolicy), which mean
 * something else. Namespaces may come as metadata alone. */
static void kind_check(struct wd_parse *p, enum wd_resource kind, const struct wd_field *o)
{
	const char *own = wd_field_string(p, o, "kind");
	const char *version = wd_field_string(p, o, "apiVersion");
	const char *path = wd_resource_path(kind);
	struct wd_field f;

	if (kind == WD_RESOURCE_NAMESPACE && !strcmp(own, "PartialObjectMetadata"))
		return;
	if (own[0] && strcmp(own, wd_resource_kind(kind))) {
		f = wd_field_any(p, o, "kind");
		wd_field_fail(p, &f, "another kind than expected");
	}
	path += strncmp(path, "/apis/", 6) ? strlen("/api/") : strlen("/apis/");
	if (version[0] && strcmp(version, path)) {
		f = wd_field_any(p, o, "apiVersion");
		wd_field_fail(p, &f, "another API than expected");
	}
}

/* Of which nothing is known but its kind, namespace and name. */
static void object_blank(enum wd_resource kind, const char *ns, const char *name,
                         struct wd_object *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->kind = kind;
	switch (kind) {
	case WD_RESOURCE_POD:
		ret->pod = (struct wd_pod){.ns = ns, .name = name, .node = ""};
		break;
	case WD_RESOURCE_SERVICE:
		ret->service = (struct wd_service){.ns = ns, .name = name, .external_name = ""};
		break;
	case WD_RESOURCE_SLICE:
		ret->slice = (struct wd_slice){.ns = ns, .name = name, .service = ""};
		break;
	case WD_RESOURCE_POLICY:
		ret->policy = (struct wd_policy){.ns = ns, .name = name};
		break;
	case WD_RESOURCE_NAMESPACE:
		ret->namespace = (struct wd_namespace){.name = name};
		break;
	case WD_RESOURCE_NODE:
		ret->node = (struct wd_node_object){.name = name,
		                                    .provider = "",
		                                    .os_image = "",
		                                    .kernel = "",
		                                    .runtime = "",
		                                    .kubelet = ""};
		break;
	case WD_RESOURCE_NNC:
		ret->nnc = (struct wd_nnc){.ns = ns, .name = name, .status = ""};
		break;
	case WD_RESOURCE_MAX:
		break;
	}
}

/* Namespace and name, if they can be read, whatever else is wrong: no error is kept. */
static void object_name_only(enum wd_resource kind, const json_t *o, struct wd_object *ret)
{
	const json_t *meta = json_object_get(o, "metadata");
	const json_t *ns = json_object_get(meta, "namespace"),
		     *name = json_object_get(meta, "name");
	const char *a = json_string_value(ns), *b = json_string_value(name);

	if (!a || strlen(a) != json_string_length(ns))
		a = "";
	if (!b || strlen(b) != json_string_length(name))
		b = "";
	object_blank(kind, a, b, ret);
}

static bool is_namespaced(enum wd_resource kind)
{
	return kind != WD_RESOURCE_NAMESPACE && kind != WD_RESOURCE_NODE;
}

static void object_read(struct wd_parse *p, enum wd_resource kind, const struct wd_field *o,
                        struct wd_object *ret)
{
	struct wd_field meta = wd_field_object(p, o, "metadata"), f;
	const char *ns = wd_field_string(p, &meta, "namespace");
	const char *name = wd_field_string(p, &meta, "name");

	kind_check(p, kind, o);
	if (!name[0]) {
		f = wd_field_any(p, &meta, "name");
		wd_field_fail(p, &f, "missing");
	}
	if (!ns[0] && is_namespaced(kind)) {
		f = wd_field_any(p, &meta, "namespace");
		wd_field_fail(p, &f, "missing");
	}
	object_blank(kind, is_namespaced(kind) ? ns : "", name, ret);
	switch (kind) {
	case WD_RESOURCE_POD:
		wd_parse_pod(p, o, &ret->pod);
		break;
	case WD_RESOURCE_SERVICE:
		wd_parse_service(p, o, &ret->service);
		break;
	case WD_RESOURCE_SLICE:
		wd_parse_slice(p, o, &ret->slice);
		break;
	case WD_RESOURCE_POLICY:
		wd_parse_policy(p, o, &ret->policy);
		break;
	case WD_RESOURCE_NAMESPACE:
		wd_parse_namespace(p, o, &ret->namespace);
		break;
	case WD_RESOURCE_NODE:
		wd_parse_node(p, o, &ret->node);
		break;
	case WD_RESOURCE_NNC:
		wd_parse_nnc(p, o, &ret->nnc);
		break;
	case WD_RESOURCE_MAX:
		break;
	}
}

int wd_parse_object(struct wd_parse *p, enum wd_resource kind, const char *json, size_t n,
                    struct wd_object *ret, char err[WD_PARSE_ERRLEN])
{
	struct wd_field o = {.key = ""};
	struct wd_object object;

	if (wd_parse_load(p, json, n) == 0) {
		o.json = p->root;
		object_read(p, kind, &o, &object);
	}
	if (!p->error)
		*ret = object;
	return finish(p, err);
}

/* ---- lists and watches -------------------------------------------------------------------- */

static void status_read(struct wd_parse *p, const struct wd_field *o, struct wd_kube_status *ret)
{
	struct wd_field details = wd_field_object(p, o, "details");
	int64_t code = wd_field_int(p, o, "code", 0);
	uint64_t retry = wd_field_count(p, &details, "retryAfterSeconds");

	ret->code = code >= 0 && code <= 999 ? (int)code : 0;
	ret->reason = wd_field_string(p, o, "reason");
	ret->message = wd_field_string(p, o, "message");
	ret->retry_after_s = retry > UINT32_MAX ? UINT32_MAX : (unsigned int)retry;
}

int wd_parse_envelope(struct wd_parse *p, const char *json, size_t n, struct wd_kube_envelope *ret,
                      char err[WD_PARSE_ERRLEN])
{
	struct wd_kube_envelope e = {.kind = "",
	                             .resource_version = "",
	                             .next = "",
	                             .status = {.reason = "", .message = ""}};
	struct wd_field o = {.key = ""}, meta;

	if (wd_parse_load(p, json, n) == 0) {
		o.json = p->root;
		e.kind = wd_field_string(p, &o, "kind");
		meta = wd_field_object(p, &o, "metadata");
		e.resource_version = wd_field_string(p, &meta, "resourceVersion");
		e.next = wd_field_string(p, &meta, "continue");
		if (!strcmp(e.kind, "Status"))
			status_read(p, &o, &e.status);
	}
	if (!p->error)
		*ret = e;
	return finish(p, err);
}

static enum wd_watch_type watch_type(const char *text)
{
	static const char *const names[WD_WATCH_UNKNOWN] = {"ADDED", "MODIFIED", "DELETED",
	                                                    "BOOKMARK", "ERROR"};

	for (int i = 0; i < WD_WATCH_UNKNOWN; i++)
		if (!strcmp(text, names[i]))
			return (enum wd_watch_type)i;
	return WD_WATCH_UNKNOWN;
}

/* What is wrong within the object does not make the frame unreadable: who watches must know
 * which object it no longer knows. */
static void frame_object(struct wd_parse *p, enum wd_resource kind, const struct wd_field *o,
                         struct wd_watch_frame *f)
{
	struct wd_field inner = {.key = "", .json = o->json};

	object_read(p, kind, &inner, &f->object);
	f->readable = !p->error;
	if (p->error != -EPROTO)
		return;
	p->error = 0;
	memcpy(f->err, p->err, sizeof(f->err));
	object_name_only(kind, o->json, &f->object);
}

static void frame_read(struct wd_parse *p, enum wd_resource kind, const struct wd_field *o,
                       struct wd_watch_frame *f)
{
	struct wd_field type = wd_field_any(p, o, "type"), object, meta, notes;

	f->type = watch_type(wd_field_text(p, &type));
	if (!type.json)
		wd_field_fail(p, &type, "missing");
	if (f->type == WD_WATCH_UNKNOWN)
		return;
	object = wd_field_object(p, o, "object");
	if (!object.json)
		wd_field_fail(p, &object, "missing");
	if (f->type == WD_WATCH_ERROR) {
		status_read(p, &object, &f->status);
		return;
	}
	meta = wd_field_object(p, &object, "metadata");
	f->resource_version = wd_field_string(p, &meta, "resourceVersion");
	if (f->type == WD_WATCH_BOOKMARK) {
		notes = wd_field_object(p, &meta, "annotations");
		f->initial_events_end =
			!strcmp(wd_field_string(p, &notes, "k8s.io/initial-events-end"), "true");
		return;
	}
	if (!p->error)
		frame_object(p, kind, &object, f);
}

int wd_parse_frame(struct wd_parse *p, enum wd_resource kind, const char *json, size_t n,
                   struct wd_watch_frame *ret, char err[WD_PARSE_ERRLEN])
{
	struct wd_watch_frame f = {.resource_version = "", .status = {.reason = "", .message = ""}};
	struct wd_field o = {.key = ""};

	object_blank(kind, "", "", &f.object);
	if (wd_parse_load(p, json, n) == 0) {
		o.json = p->root;
		frame_read(p, kind, &o, &f);
	}
	if (!p->error)
		*ret = f;
	return finish(p, err);
}

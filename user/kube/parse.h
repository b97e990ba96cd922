/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the readers of objects share, and nobody else: one object's tree of JSON, a way through
 * it that knows its own name, scratch memory, and the first error.
 *
 * Getters never fail one by one: the first thing of a wrong type is remembered with its path,
 * and the object is refused at the end. null is the same as absent, as in Go. Strings stay where
 * jansson put them, arrays go to scratch; both live until the next object. Pure.
 */
#ifndef WD_KUBE_PARSE_H
#define WD_KUBE_PARSE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "kube/objects.h"

/* A tree takes some 150 bytes for each of its values, scratch up to 136 (a peer of a policy); a
 * hostile text spends two or three bytes on either. Beyond these limits the object is refused. The
 * longest that etcd takes, 1.5 MiB, does not come near. What stays allocated between objects is one
 * piece of WD_PARSE_KEEP, and the last tree. */
#define WD_PARSE_VALUES_MAX  400000u
#define WD_PARSE_SCRATCH_MAX (16u << 20)
#define WD_PARSE_KEEP        (64u << 10)

struct wd_parse_piece;

struct wd_parse {
	json_t *root;
	struct wd_parse_piece *pieces; /* newest first */
	size_t scratch;                /* bytes in all of them */
	struct wd_buf pruned;
	uint64_t left_out;
	int error;
	char err[WD_PARSE_ERRLEN];
};

/* A value and the way to it. Lives on the stack of the reader; `up` must outlive it. */
struct wd_field {
	const struct wd_field *up;
	const char *key; /* NULL: element `index` of `up`; "" the object itself */
	size_t index;
	const json_t *json; /* NULL: absent */
};

/* Forgets the last object, and reads the JSON of the next one into p->root. Returns p->error. */
int wd_parse_load(struct wd_parse *p, const char *json, size_t n);

/* Remembers the first: "spec.ports[2].port: what". */
void wd_field_fail(struct wd_parse *p, const struct wd_field *f, const char *what);

/* Members. The typed ones fail unless the value is absent or of that type. */
struct wd_field wd_field_any(struct wd_parse *p, const struct wd_field *up, const char *key);
struct wd_field wd_field_object(struct wd_parse *p, const struct wd_field *up, const char *key);
struct wd_field wd_field_array(struct wd_parse *p, const struct wd_field *up, const char *key);
/* "" absent. A string with a NUL in it is refused: no name has one, and C would cut it. */
const char *wd_field_string(struct wd_parse *p, const struct wd_field *up, const char *key);
bool wd_field_bool(struct wd_parse *p, const struct wd_field *up, const char *key, bool absent);
int64_t wd_field_int(struct wd_parse *p, const struct wd_field *up, const char *key,
                     int64_t absent);
/* Not negative. */
uint64_t wd_field_count(struct wd_parse *p, const struct wd_field *up, const char *key);
struct wd_labels wd_field_labels(struct wd_parse *p, const struct wd_field *up, const char *key);

/* Elements of an array; 0 when it is absent. */
size_t wd_field_size(const struct wd_field *array);
struct wd_field wd_field_at(const struct wd_field *array, size_t i);
struct wd_field wd_field_object_at(struct wd_parse *p, const struct wd_field *array, size_t i);
const char *wd_field_string_at(struct wd_parse *p, const struct wd_field *array, size_t i);
/* The string that f itself is. */
const char *wd_field_text(struct wd_parse *p, const struct wd_field *f);

/* Zeroed scratch for n things of a size; NULL: n is 0, or there is no memory (remembered). */
void *wd_parse_alloc(struct wd_parse *p, size_t n, size_t size);

/* Forgets all; keeps at most one piece of that size. */
void wd_parse_scratch_drop(struct wd_parse *p, size_t keep);

/* Lists of addresses and prefixes as strings; "" is passed over, others that are none are left
 * out and counted. Host bits of a prefix are cleared, as Kubernetes does. */
const struct wd_addr *wd_field_addrs(struct wd_parse *p, const struct wd_field *up, const char *key,
                                     unsigned int *ret_n);
const struct wd_prefix *wd_field_prefixes(struct wd_parse *p, const struct wd_field *up,
                                          const char *key, unsigned int *ret_n);
bool wd_parse_prefix(const char *text, struct wd_prefix *ret);
/* TCP when absent, 0 when unknown. */
uint8_t wd_field_proto(struct wd_parse *p, const struct wd_field *up);
/* Of 1 to 65535. */
bool wd_parse_is_port(int64_t v);
/* A condition of this type in status.conditions is "True". */
bool wd_field_condition(struct wd_parse *p, const struct wd_field *status, const char *type);

/* Each fills a zeroed object with strings set to "". */
void wd_parse_pod(struct wd_parse *p, const struct wd_field *o, struct wd_pod *ret);
void wd_parse_service(struct wd_parse *p, const struct wd_field *o, struct wd_service *ret);
void wd_parse_slice(struct wd_parse *p, const struct wd_field *o, struct wd_slice *ret);
void wd_parse_policy(struct wd_parse *p, const struct wd_field *o, struct wd_policy *ret);
void wd_parse_namespace(struct wd_parse *p, const struct wd_field *o, struct wd_namespace *ret);
void wd_parse_node(struct wd_parse *p, const struct wd_field *o, struct wd_node_object *ret);
void wd_parse_nnc(struct wd_parse *p, const struct wd_field *o, struct wd_nnc *ret);

#endif

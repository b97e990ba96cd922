/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts a stream of JSON into the values that matter, so that a list of any length is never held
 * as a whole: of a list document the elements of its top-level "items", of a watch one
 * value after the other. Knows strings, escapes and nesting; what a value holds is not looked
 * at, since jansson does that. Bytes may come in pieces of any size. Pure.
 */
#ifndef WD_KUBE_SPLIT_H
#define WD_KUBE_SPLIT_H

#include <stddef.h>
#include <stdint.h>

enum wd_split_kind {
	WD_SPLIT_LIST,   /* one document {…,"items":[…],…} */
	WD_SPLIT_STREAM, /* objects, with or without white space between them */
};

/* etcd takes no object above 1.5 MiB unless told to; twice that is generous. */
#define WD_SPLIT_VALUE_MAX (4u << 20)
#define WD_SPLIT_DEPTH_MAX 128
/* What of a list is not its items. */
#define WD_SPLIT_ENVELOPE_MAX (64u << 10)

struct wd_split;

/* each: one whole value, valid during the call; what it returns if negative ends the feeding. */
int wd_split_new(enum wd_split_kind kind, int (*each)(const char *json, size_t n, void *ctx),
                 void *ctx, struct wd_split **ret);
void wd_split_free(struct wd_split *s);
/* For the next document; keeps the memory. */
void wd_split_reset(struct wd_split *s);
/* Items may be null or absent; each is an object. 0; -EPROTO: not JSON, see wd_split_error();
 * -ENOMEM; or what `each` returned. After an error nothing more is taken. */
int wd_split_feed(struct wd_split *s, const char *bytes, size_t n);
/* The stream is over. -EPROTO: within a value, or a list document without end. */
int wd_split_end(struct wd_split *s);
/* Of a list, when it is over: the document with its items left out ("items":[]). */
const char *wd_split_envelope(const struct wd_split *s, size_t *ret_n);
/* Values longer than WD_SPLIT_VALUE_MAX: left out, counted. */
uint64_t wd_split_skipped(const struct wd_split *s);
/* With the offset in bytes where it went wrong; "" when `each` ended it, or memory did. */
const char *wd_split_error(const struct wd_split *s);

#endif

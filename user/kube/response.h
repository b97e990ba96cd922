/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader of one HTTP/1.1 response (RFC 9112), strict where leniency could hide a cut: the head
 * must be well formed, of lengths there is one, a chunk ends where it says. Bytes may come
 * in pieces of any size. Pure; holds a line of the head, never the body.
 */
#ifndef WD_KUBE_RESPONSE_H
#define WD_KUBE_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WD_RESPONSE_LINE_MAX (8u << 10)
#define WD_RESPONSE_HEAD_MAX (64u << 10)

enum wd_response_state {
	WD_RESPONSE_STATUS_LINE,
	WD_RESPONSE_HEADER,
	WD_RESPONSE_LENGTH_BODY,
	WD_RESPONSE_CLOSE_BODY, /* until the connection ends */
	WD_RESPONSE_CHUNK_SIZE,
	WD_RESPONSE_CHUNK_DATA,
	WD_RESPONSE_CHUNK_END,
	WD_RESPONSE_TRAILER,
	WD_RESPONSE_DONE,
	WD_RESPONSE_FAILED,
};

struct wd_response {
	int (*body)(const char *bytes, size_t n, void *ctx); /* negative: ends the feeding */
	void *ctx;
	enum wd_response_state state;
	int status; /* of the final response; 1xx are passed over */
	bool keep_alive;
	bool chunked, has_length;
	bool tunnel;                /* answers CONNECT: 2xx has no body */
	unsigned int retry_after_s; /* 0: absent, or a date */
	uint64_t left;              /* of the body, or of the chunk */
	unsigned int head;          /* bytes of heads and trailers so far */
	unsigned int interim;       /* 1xx so far */
	size_t line_n;
	char line[WD_RESPONSE_LINE_MAX];
	const char *error; /* literal */
};

void wd_response_begin(struct wd_response *r, int (*body)(const char *bytes, size_t n, void *ctx),
                       void *ctx);
/* Stores how many bytes were taken: fewer than n when the response is over. 0; -EPROTO, see error;
 * or what body returned. */
int wd_response_feed(struct wd_response *r, const char *bytes, size_t n, size_t *ret_used);
/* The peer closed. 0 when that is an end; -EPIPE when the response is cut. */
int wd_response_close(struct wd_response *r);
/* Its head is complete. */
bool wd_response_has_head(const struct wd_response *r);

#endif

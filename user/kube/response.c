/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/response.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define INTERIM_MAX 16

void wd_response_begin(struct wd_response *r, int (*body)(const char *bytes, size_t n, void *ctx),
                       void *ctx)
{
	r->body = body;
	r->ctx = ctx;
	r->state = WD_RESPONSE_STATUS_LINE;
	r->status = 0;
	r->keep_alive = true;
	r->chunked = r->has_length = r->tunnel = false;
	r->retry_after_s = 0;
	r->left = 0;
	r->head = r->interim = 0;
	r->line_n = 0;
	r->error = NULL;
}

static int fail(struct wd_response *r, const char *why)
{
	r->state = WD_RESPONSE_FAILED;
	r->error = why;
	return -EPROTO;
}

bool wd_response_has_head(const struct wd_response *r)
{
	return r->state >= WD_RESPONSE_LENGTH_BODY && r->state != WD_RESPONSE_FAILED;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK", the reason being optional. */
static int read_status(struct wd_response *r)
{
	const char *l = r->line;

	if (strncmp(l, "HTTP/", 5) != 0)
		return fail(r, "the answer is not HTTP");
	if (strncmp(l, "HTTP/1.", 7) != 0 || (l[7] != '0' && l[7] != '1') || l[8] != ' ')
		return fail(r, "an answer of another HTTP version");
	if (!is_digit(l[9]) || !is_digit(l[10]) || !is_digit(l[11]) || (l[12] && l[12] != ' '))
		return fail(r, "a status line without a status");
	r->status = (l[9] - '0') * 100 + (l[10] - '0') * 10 + (l[11] - '0');
	if (r->status < 100)
		return fail(r, "a status line without a status");
	r->keep_alive = l[7] == '1';
	r->state = WD_RESPONSE_HEADER;
	return 0;
}

static int number(const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (!is_digit(text[0]))
		return -EINVAL;
	for (; is_digit(*text); text++) {
		v = v * 10 + (uint64_t)(*text - '0');
		if (v > max)
			return -EINVAL;
	}
	if (*text)
		return -EINVAL;
	*ret = v;
	return 0;
}

static int read_length(struct wd_response *r, const char *value)
{
	uint64_t v;

	if (number(value, 1ull << 40, &v))
		return fail(r, "a Content-Length that is no number");
	if (r->has_length && r->left != v)
		return fail(r, "two different Content-Lengths");
	r->has_length = true;
	r->left = v;
	return 0;
}

static int read_header(struct wd_response *r)
{
	char *colon = strchr(r->line, ':'), *value, *end;
	uint64_t v;

	if (!colon || colon == r->line || r->line[0] == ' ' || r->line[0] == '\t' ||
	    colon[-1] == ' ' || colon[-1] == '\t')
		return fail(r, "a header line that is none");
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, " \t");
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	if (strcasecmp(r->line, "content-length") == 0)
		return read_length(r, value);
	if (strcasecmp(r->line, "transfer-encoding") == 0) {
		if (r->chunked || strcasecmp(value, "chunked") != 0)
			return fail(r, "a Transfer-Encoding other than chunked");
		r->chunked = true;
	} else if (strcasecmp(r->line, "content-encoding") == 0) {
		if (value[0] && strcasecmp(value, "identity") != 0)
			return fail(r, "a compressed answer, which was not asked for");
	} else if (strcasecmp(r->line, "connection") == 0) {
		if (strcasestr(value, "close"))
			r->keep_alive = false;
		else if (strcasestr(value, "keep-alive"))
			r->keep_alive = true;
	} else if (strcasecmp(r->line, "retry-after") == 0) {
		if (number(value, 86400, &v) == 0)
			r->retry_after_s = (unsigned int)v;
	}
	return 0;
}

/* RFC 9112, 6.3 */
static int end_of_head(struct wd_response *r)
{
	if (r->status < 200) {
		if (r->status == 101)
			return fail(r, "a protocol switch, which was not asked for");
		if (++r->interim > INTERIM_MAX)
			return fail(r, "too many interim answers");
		r->state = WD_RESPONSE_STATUS_LINE;
		r->chunked = r->has_length = false;
		r->left = 0;
		return 0;
	}
	if (r->chunked && r->has_length)
		return fail(r, "both a Content-Length and chunks");
	if ((r->tunnel && r->status < 300) || r->status == 204 || r->status == 304) {
		r->state = WD_RESPONSE_DONE;
	} else if (r->chunked) {
		r->state = WD_RESPONSE_CHUNK_SIZE;
	} else if (r->has_length) {
		r->state = r->left ? WD_RESPONSE_LENGTH_BODY : WD_RESPONSE_DONE;
	} else {
		r->keep_alive = false;
		r->state = WD_RESPONSE_CLOSE_BODY;
	}
	return 0;
}

/* Extensions behind ';' are passed over. */
static int read_chunk_size(struct wd_response *r)
{
	uint64_t v = 0;
	size_t i = 0;

	for (; i < r->line_n; i++) {
		char c = r->line[i];
		int d = is_digit(c)              ? c - '0'
		        : (c >= 'a' && c <= 'f') ? c - 'a' + 10
		        : (c >= 'A' && c <= 'F') ? c - 'A' + 10
		                                 : -1;

		if (d < 0)
			break;
		if (v >> 32)
			return fail(r, "a chunk beyond all bounds");
		v = v << 4 | (uint64_t)d;
	}
	i += strspn(r->line + i, " \t") * (i > 0);
	if (i == 0 || (i < r->line_n && r->line[i] != ';'))
		return fail(r, "a chunk without a size");
	r->left = v;
	r->state = v ? WD_RESPONSE_CHUNK_DATA : WD_RESPONSE_TRAILER;
	if (!v)
		r->head = 0;
	return 0;
}

static int read_line(struct wd_response *r)
{
	switch (r->state) {
	case WD_RESPONSE_STATUS_LINE:
		return read_status(r);
	case WD_RESPONSE_HEADER:
		return r->line_n ? read_header(r) : end_of_head(r);
	case WD_RESPONSE_CHUNK_SIZE:
		return read_chunk_size(r);
	case WD_RESPONSE_CHUNK_END:
		if (r->line_n)
			return fail(r, "a chunk that is longer than it says");
		r->state = WD_RESPONSE_CHUNK_SIZE;
		return 0;
	default: /* a trailer */
		if (!r->line_n)
			r->state = WD_RESPONSE_DONE;
		return 0;
	}
}

/* Takes bytes up to the end of a line. Of a bare LF the end is accepted too (RFC 9112, 2.2). */
static int take_line(struct wd_response *r, const char *bytes, size_t n, size_t *ret_used)
{
	const char *lf = memchr(bytes, '\n', n);
	size_t take = lf ? (size_t)(lf - bytes) + 1 : n;
	bool head = r->state == WD_RESPONSE_STATUS_LINE || r->state == WD_RESPONSE_HEADER ||
	            r->state == WD_RESPONSE_TRAILER;
	int err;

	if (r->line_n + take >= sizeof(r->line))
		return fail(r, "a line of more than 8 KiB in its head");
	if (head && (r->head += (unsigned int)take) > WD_RESPONSE_HEAD_MAX)
		return fail(r, "a head of more than 64 KiB");
	memcpy(r->line + r->line_n, bytes, take);
	r->line_n += take;
	*ret_used = take;
	if (!lf)
		return 0;
	r->line_n--;
	if (r->line_n && r->line[r->line_n - 1] == '\r')
		r->line_n--;
	r->line[r->line_n] = '\0';
	if (memchr(r->line, '\0', r->line_n) || memchr(r->line, '\r', r->line_n))
		return fail(r, "control characters in its head");
	err = read_line(r);
	r->line_n = 0;
	return err;
}

static int take_body(struct wd_response *r, const char *bytes, size_t n, size_t *ret_used)
{
	int err;

	if (r->state != WD_RESPONSE_CLOSE_BODY && n > r->left)
		n = (size_t)r->left;
	*ret_used = n;
	err = r->body ? r->body(bytes, n, r->ctx) : 0;
	if (err < 0) {
		r->state = WD_RESPONSE_FAILED;
		return err;
	}
	if (r->state == WD_RESPONSE_CLOSE_BODY)
		return 0;
	r->left -= n;
	if (r->left == 0)
		r->state = r->state == WD_RESPONSE_CHUNK_DATA ? WD_RESPONSE_CHUNK_END
		                                              : WD_RESPONSE_DONE;
	return 0;
}

int wd_response_feed(struct wd_response *r, const char *bytes, size_t n, size_t *ret_used)
{
	size_t at = 0;
	int err = 0;

	if (r->state == WD_RESPONSE_FAILED)
		return -EPROTO;
	while (at < n && !err && r->state < WD_RESPONSE_DONE) {
		size_t used = 0;

		switch (r->state) {
		case WD_RESPONSE_LENGTH_BODY:
		case WD_RESPONSE_CLOSE_BODY:
		case WD_RESPONSE_CHUNK_DATA:
			err = take_body(r, bytes + at, n - at, &used);
			break;
		default:
			err = take_line(r, bytes + at, n - at, &used);
		}
		at += used;
	}
	*ret_used = at;
	return err;
}

int wd_response_close(struct wd_response *r)
{
	if (r->state == WD_RESPONSE_CLOSE_BODY)
		r->state = WD_RESPONSE_DONE;
	if (r->state == WD_RESPONSE_DONE)
		return 0;
	r->state = WD_RESPONSE_FAILED;
	return -EPIPE;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct wd_addr wd_addr_from_v4(uint32_t be)
{
	struct wd_addr a;

	memcpy(a.b, v4_mapped, sizeof(v4_mapped));
	memcpy(a.b + 12, &be, sizeof(be));
	return a;
}

bool wd_addr_is_v4(const struct wd_addr *a)
{
	return memcmp(a->b, v4_mapped, sizeof(v4_mapped)) == 0;
}

uint32_t wd_addr_v4(const struct wd_addr *a)
{
	uint32_t be = 0;

	if (wd_addr_is_v4(a))
		memcpy(&be, a->b + 12, sizeof(be));
	return be;
}

bool wd_addr_equal(const struct wd_addr *a, const struct wd_addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

bool wd_addr_is_any(const struct wd_addr *a)
{
	static const struct wd_addr zero;

	return wd_addr_equal(a, &zero) || (wd_addr_is_v4(a) && wd_addr_v4(a) == 0);
}

bool wd_addr_is_loopback(const struct wd_addr *a)
{
	static const struct wd_addr one = {.b = {[15] = 1}};

	return wd_addr_equal(a, &one) || (wd_addr_is_v4(a) && a->b[12] == 127);
}

bool wd_addr_is_multicast(const struct wd_addr *a)
{
	if (wd_addr_is_v4(a))
		return (a->b[12] & 0xf0) == 0xe0 || wd_addr_v4(a) == UINT32_MAX;
	return a->b[0] == 0xff;
}

int wd_addr_parse(const char *text, struct wd_addr *ret)
{
	struct wd_addr a;
	uint32_t be;

	/* inet_pton() takes neither zones, blanks, ports nor the short forms of inet_aton(). */
	if (inet_pton(AF_INET, text, &be) == 1) {
		*ret = wd_addr_from_v4(be);
		return 0;
	}
	if (inet_pton(AF_INET6, text, a.b) != 1)
		return -EINVAL;
	*ret = a;
	return 0;
}

/* A decimal number of one to three digits, without sign, blanks or leading zeros; or -1. */
static int prefix_length(const char *s)
{
	size_t n = strspn(s, "0123456789");
	int v = 0;

	if (n == 0 || n > 3 || s[n] != '\0' || (n > 1 && s[0] == '0'))
		return -1;
	for (; *s; s++)
		v = v * 10 + (*s - '0');
	return v;
}

static bool bits_beyond_are_zero(const struct wd_addr *a, unsigned int bits)
{
	unsigned int i = bits / 8;

	if (bits % 8) {
		if (a->b[i] & (0xff >> (bits % 8)))
			return false;
		i++;
	}
	for (; i < sizeof(a->b); i++)
		if (a->b[i])
			return false;
	return true;
}

int wd_prefix_parse(const char *text, struct wd_prefix *ret)
{
	const char *slash = strchr(text, '/');
	char host[WD_ADDR_STRLEN];
	struct wd_prefix p;
	int len, max, err;
	size_t n;

	n = slash ? (size_t)(slash - text) : strlen(text);
	if (n >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, n);
	host[n] = '\0';
	err = wd_addr_parse(host, &p.addr);
	if (err)
		return err;

	/* The length counts in the family that was written: ::ffff:10.0.0.0/104 is 10.0.0.0/8. */
	max = strchr(host, ':') ? 128 : 32;
	len = slash ? prefix_length(slash + 1) : max;
	if (len < 0 || len > max)
		return -EINVAL;
	p.bits = (uint8_t)(len + 128 - max);
	if (!bits_beyond_are_zero(&p.addr, p.bits))
		return -ERANGE;
	*ret = p;
	return 0;
}

bool wd_prefix_contains(const struct wd_prefix *p, const struct wd_addr *a)
{
	unsigned int bits = p->bits > 128 ? 128 : p->bits;
	unsigned int whole = bits / 8, rest = bits % 8;

	if (memcmp(p->addr.b, a->b, whole) != 0)
		return false;
	return rest == 0 || ((p->addr.b[whole] ^ a->b[whole]) >> (8 - rest)) == 0;
}

static char *put_u8(char *at, unsigned int v)
{
	if (v >= 100)
		*at++ = (char)('0' + v / 100);
	if (v >= 10)
		*at++ = (char)('0' + v / 10 % 10);
	*at++ = (char)('0' + v % 10);
	return at;
}

static char *put_u16(char *at, unsigned int v)
{
	char digits[5];
	int n = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	while (n)
		*at++ = digits[--n];
	return at;
}

static char *put_hex(char *at, unsigned int v)
{
	int shift = 12;

	while (shift && v >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*at++ = "0123456789abcdef"[v >> shift & 0xf];
	return at;
}

static char *put_v4(char *at, const uint8_t b[4])
{
	for (int i = 0; i < 4; i++) {
		if (i)
			*at++ = '.';
		at = put_u8(at, b[i]);
	}
	return at;
}

/* RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups becomes
 * "::", the first one where two are equally long. */
static char *put_v6(char *at, const uint8_t b[16])
{
	int best = -1, best_len = 1;

	for (int i = 0; i < 8;) {
		int n = 0;

		while (i + n < 8 && !b[2 * (i + n)] && !b[2 * (i + n) + 1])
			n++;
		if (n > best_len) {
			best = i;
			best_len = n;
		}
		i += n ? n : 1;
	}
	for (int i = 0; i < 8; i++) {
		unsigned int v = (unsigned int)b[2 * i] << 8 | b[2 * i + 1];

		if (i == best) {
			*at++ = ':';
			*at++ = ':';
			i += best_len - 1;
			continue;
		}
		if (i && i != best + best_len)
			*at++ = ':';
		at = put_hex(at, v);
	}
	return at;
}

static char *put_addr(char *at, const struct wd_addr *a)
{
	return wd_addr_is_v4(a) ? put_v4(at, a->b + 12) : put_v6(at, a->b);
}

char *wd_addr_format(const struct wd_addr *a, char buf[WD_ADDR_STRLEN])
{
	*put_addr(buf, a) = '\0';
	return buf;
}

char *wd_prefix_format(const struct wd_prefix *p, char buf[WD_PREFIX_STRLEN])
{
	unsigned int bits = p->bits > 128 ? 128 : p->bits;
	/* Shorter than the mapped part: only the IPv6 form can say it. */
	bool v4 = wd_addr_is_v4(&p->addr) && bits >= 96;
	char *at = v4 ? put_v4(buf, p->addr.b + 12) : put_v6(buf, p->addr.b);

	*at++ = '/';
	*put_u16(at, v4 ? bits - 96 : bits) = '\0';
	return buf;
}

char *wd_endpoint_format(const struct wd_addr *a, uint16_t port, char buf[WD_ENDPOINT_STRLEN])
{
	bool brackets = port && !wd_addr_is_v4(a);
	char *at = buf;

	if (brackets)
		*at++ = '[';
	at = put_addr(at, a);
	if (brackets)
		*at++ = ']';
	if (port) {
		*at++ = ':';
		at = put_u16(at, port);
	}
	*at = '\0';
	return buf;
}

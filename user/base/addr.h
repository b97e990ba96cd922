/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses and prefixes, as values.
 *
 * Every IP address in whydrop is 16 bytes in network byte order; IPv4 is held
 * in its IPv4-mapped form ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), which is also what
 * the kernel keeps for an AF_INET6 socket that talks IPv4. So one comparison,
 * one hash and one prefix table serve both families. Ports are host byte order.
 */
#ifndef WD_BASE_ADDR_H
#define WD_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest text of an address or "[address]:port" incl. NUL. */
#define WD_ADDR_STRLEN     46
#define WD_ENDPOINT_STRLEN (WD_ADDR_STRLEN + 8)
#define WD_PREFIX_STRLEN   (WD_ADDR_STRLEN + 4)

struct wd_addr {
	uint8_t b[16];
};

/* bits counts in the 128-bit form: an IPv4 /24 is 120. So ::/0 (bits 0) contains IPv4 too,
 * as in the longest-prefix table of the kernel side; 0.0.0.0/0 is 96 and does not contain IPv6. */
struct wd_prefix {
	struct wd_addr addr;
	uint8_t bits;
};

struct wd_addr wd_addr_from_v4(uint32_t be);
/* True for the IPv4-mapped form. */
bool wd_addr_is_v4(const struct wd_addr *a);
/* The IPv4 address in network byte order; 0 when it is none. */
uint32_t wd_addr_v4(const struct wd_addr *a);
bool wd_addr_equal(const struct wd_addr *a, const struct wd_addr *b);
/* All zero, or 0.0.0.0. */
bool wd_addr_is_any(const struct wd_addr *a);
/* 127.0.0.0/8 or ::1. */
bool wd_addr_is_loopback(const struct wd_addr *a);
/* 224.0.0.0/4, ff00::/8, or 255.255.255.255. */
bool wd_addr_is_multicast(const struct wd_addr *a);

/* 0, or -EINVAL when the text is not exactly one address. */
int wd_addr_parse(const char *text, struct wd_addr *ret);
/* "address" or "address/len"; -EINVAL, or -ERANGE for bits behind the prefix
 * length that are not zero (10.0.0.1/8: probably a mistake). */
int wd_prefix_parse(const char *text, struct wd_prefix *ret);
bool wd_prefix_contains(const struct wd_prefix *p, const struct wd_addr *a);

/* Writes the usual text form (RFC 5952 for IPv6); returns buf. */
char *wd_addr_format(const struct wd_addr *a, char buf[WD_ADDR_STRLEN]);
char *wd_prefix_format(const struct wd_prefix *p, char buf[WD_PREFIX_STRLEN]);
/* "1.2.3.4:80" or "[::1]:80"; without ":port" when port is 0. */
char *wd_endpoint_format(const struct wd_addr *a, uint16_t port, char buf[WD_ENDPOINT_STRLEN]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "node/host.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

/* kubelet: component-helpers/node/util/hostname.go */
static void hostname_normalize(const char *text, char *to, size_t size)
{
	size_t n = 0;

	while (isspace((unsigned char)*text))
		text++;
	for (; text[n] && n + 1 < size; n++)
		to[n] = (char)tolower((unsigned char)text[n]);
	while (n && isspace((unsigned char)to[n - 1]))
		n--;
	to[n] = '\0';
}

int wd_host_read(const char *node_name, struct wd_host *ret)
{
	struct wd_host h = {0};
	struct utsname u;

	if (node_name && strlen(node_name) >= sizeof(h.name))
		return -EINVAL;
	if (uname(&u))
		return -errno;
	if (node_name && node_name[0])
		snprintf(h.name, sizeof(h.name), "%s", node_name);
	else
		hostname_normalize(u.nodename, h.name, sizeof(h.name));
	snprintf(h.kernel, sizeof(h.kernel), "%s", u.release);
	*ret = h;
	return 0;
}

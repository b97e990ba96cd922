/* SPDX-License-Identifier: Apache-2.0 */
#include "node/cnicache.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/cleanup.h"
#include "node/podpath.h"

static void json_cleanup(json_t **j)
{
	json_decref(*j);
}

/* A string member, or "". */
static const char *string_get(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

/* cniArgs is [["K8S_POD_NAME","cart-0"],…]; the last one of a name wins, as in libcni. */
static const char *arg_get(const json_t *root, const char *name)
{
	const json_t *args = json_object_get(root, "cniArgs");
	const char *ret = "";

	for (size_t i = 0; i < json_array_size(args); i++) {
		const json_t *pair = json_array_get(args, i);
		const char *key = json_string_value(json_array_get(pair, 0));
		const char *value = json_string_value(json_array_get(pair, 1));

		if (key && value && !strcmp(key, name))
			ret = value;
	}
	return ret;
}

/* Only a plain name directly below /run/netns is taken over: what stands there is looked
 * up in a listing of that directory, never opened by the path of the file. Another kind
 * of path ("/proc/PID/ns/net") names a process that may have been replaced since. */
void wd_cnicache_mount(struct wd_cnicache *c, const char *path)
{
	static const char *const dirs[] = {"/var/run/netns/", "/run/netns/"};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		size_t n = strlen(dirs[i]);
		const char *name = path + n;

		if (strncmp(path, dirs[i], n) || !*name || strchr(name, '/') ||
		    strlen(name) >= sizeof(c->mount))
			continue;
		memcpy(c->mount, name, strlen(name) + 1);
		return;
	}
}

void wd_cnicache_addr(struct wd_cnicache *c, const char *text)
{
	size_t n = strcspn(text, "/");
	char plain[WD_ADDR_STRLEN];
	struct wd_addr a;

	if (n >= sizeof(plain) || c->n_addrs == WD_CNICACHE_ADDRS_MAX)
		return;
	memcpy(plain, text, n);
	plain[n] = '\0';
	/* The loopback plugin is in the cache too, with addresses that everybody has. */
	if (wd_addr_parse(plain, &a) || wd_addr_is_loopback(&a) || wd_addr_is_any(&a))
		return;
	c->addrs[c->n_addrs++] = a;
}

static void result_read(struct wd_cnicache *c, const json_t *result)
{
	const json_t *list = json_object_get(result, "ips");

	for (size_t i = 0; i < json_array_size(list); i++)
		wd_cnicache_addr(c, string_get(json_array_get(list, i), "address"));
	wd_cnicache_addr(c, string_get(json_object_get(result, "ip4"), "ip"));
	wd_cnicache_addr(c, string_get(json_object_get(result, "ip6"), "ip"));

	list = json_object_get(result, "interfaces");
	for (size_t i = 0; !c->mount[0] && i < json_array_size(list); i++)
		wd_cnicache_mount(c, string_get(json_array_get(list, i), "sandbox"));
}

int wd_cnicache_parse(const char *text, size_t n, struct wd_cnicache *ret)
{
	json_t *root wd_cleanup(json_cleanup) = NULL;
	struct wd_cnicache c = {0};

	if (n > WD_CNICACHE_FILE_MAX)
		return -EINVAL;
	root = json_loadb(text, n, 0, NULL);
	if (!json_is_object(root) || strcmp(string_get(root, "kind"), "cniCacheV1"))
		return -EINVAL;
	if (!wd_podpath_ref(arg_get(root, "K8S_POD_NAMESPACE"), arg_get(root, "K8S_POD_NAME"),
	                    &c.pod))
		return -ENOENT;
	wd_cnicache_mount(&c, string_get(root, "netns"));
	result_read(&c, json_object_get(root, "result"));
	if (!c.mount[0] && !c.n_addrs)
		return -ENOENT;
	*ret = c;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "node/azurestate.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "node/podpath.h"

struct list {
	struct wd_cnicache *v;
	size_t n;
	bool oom;
};

static void json_cleanup(json_t **j)
{
	json_decref(*j);
}

static const char *string_get(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

/* As the kernel takes names of devices (dev_valid_name), with control bytes left out. */
static void device_set(struct wd_cnicache *c, const char *name)
{
	size_t n = strlen(name);

	if (!n || n >= sizeof(c->device) || !strcmp(name, ".") || !strcmp(name, ".."))
		return;
	for (size_t i = 0; i < n; i++)
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '/' || name[i] == ':')
			return;
	memcpy(c->device, name, n + 1);
}

/* [{"IP":"10.241.0.17","Mask":"//8AAA=="}] */
static void addrs_add(struct wd_cnicache *c, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		wd_cnicache_addr(c, string_get(json_array_get(list, i), "IP"));
}

static void add(struct list *l, const struct wd_cnicache *c)
{
	struct wd_cnicache *grown;

	if (l->n == WD_AZURESTATE_MAX || (!c->mount[0] && !c->n_addrs && !c->device[0]))
		return;
	grown = reallocarray(l->v, l->n + 1, sizeof(*grown));
	if (!grown) {
		l->oom = true;
		return;
	}
	l->v = grown;
	l->v[l->n++] = *c;
}

static void vnet_endpoint(struct list *l, const json_t *e)
{
	struct wd_cnicache c = {0};

	if (!wd_podpath_ref(string_get(e, "PODNameSpace"), string_get(e, "PODName"), &c.pod))
		return;
	device_set(&c, string_get(e, "HostIfName"));
	wd_cnicache_mount(&c, string_get(e, "NetworkNameSpace"));
	addrs_add(&c, json_object_get(e, "IPAddresses"));
	add(l, &c);
}

/* Network.ExternalInterfaces.<eth0>.Networks.<azure>.Endpoints.<id> */
static void vnet(struct list *l, json_t *network)
{
	json_t *interface, *net, *endpoint;
	const char *key;

	json_object_foreach (json_object_get(network, "ExternalInterfaces"), key, interface)
		json_object_foreach (json_object_get(interface, "Networks"), key, net)
			json_object_foreach (json_object_get(net, "Endpoints"), key, endpoint)
				vnet_endpoint(l, endpoint);
}

/* Endpoints.<container id>.IfnameToIPMap.<eth0> */
static void cns_endpoint(struct list *l, const json_t *e)
{
	struct wd_cnicache c = {0};
	json_t *interface;
	const char *key;

	if (!wd_podpath_ref(string_get(e, "PodNamespace"), string_get(e, "PodName"), &c.pod))
		return;
	json_object_foreach (json_object_get(e, "IfnameToIPMap"), key, interface) {
		if (!c.device[0])
			device_set(&c, string_get(interface, "HostVethName"));
		addrs_add(&c, json_object_get(interface, "IPv4"));
		addrs_add(&c, json_object_get(interface, "IPv6"));
	}
	add(l, &c);
}

int wd_azurestate_parse(const char *text, size_t n, struct wd_cnicache **ret, size_t *ret_n)
{
	json_t *root wd_cleanup(json_cleanup) = NULL, *endpoint;
	struct list l = {0};
	const char *key;

	if (n > WD_AZURESTATE_FILE_MAX)
		return -EINVAL;
	root = json_loadb(text, n, 0, NULL);
	if (!json_is_object(root))
		return -EINVAL;
	vnet(&l, json_object_get(root, "Network"));
	json_object_foreach (json_object_get(root, "Endpoints"), key, endpoint)
		cns_endpoint(&l, endpoint);
	if (l.oom) {
		free(l.v);
		return -ENOMEM;
	}
	*ret = l.v;
	*ret_n = l.n;
	return 0;
}

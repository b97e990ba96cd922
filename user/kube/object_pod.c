/* SPDX-License-Identifier: Apache-2.0 */
/* k8s.io/api/core/v1 Pod. */
#include <string.h>

#include "kube/parse.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* RFC 9562, 4: 8-4-4-4-12 hexadecimal digits. Others stay zero. */
static void uid_read(const char *text, uint8_t ret[16])
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	uint8_t uid[16] = {0};
	size_t digits = 0;

	if (strlen(text) != sizeof(form) - 1)
		return;
	for (size_t i = 0; form[i]; i++) {
		int v = hex_value(text[i]);

		if (form[i] == '-' && text[i] == '-')
			continue;
		if (form[i] == '-' || v < 0)
			return;
		uid[digits / 2] = (uint8_t)(uid[digits / 2] << 4 | v);
		digits++;
	}
	memcpy(ret, uid, sizeof(uid));
}

static void addr_add(struct wd_parse *p, struct wd_addr *v, unsigned int *n, const char *text)
{
	if (wd_addr_parse(text, &v[*n]) == 0)
		++*n;
	else if (text[0])
		p->left_out++;
}

/* podIPs, or podIP where that is all there is. */
static void ips_read(struct wd_parse *p, const struct wd_field *status, struct wd_pod *ret)
{
	struct wd_field list = wd_field_array(p, status, "podIPs");
	const char *only = wd_field_string(p, status, "podIP");
	size_t n = wd_field_size(&list);
	struct wd_addr *v = wd_parse_alloc(p, n + 1, sizeof(*v));

	for (size_t i = 0; v && i < n; i++) {
		struct wd_field one = wd_field_object_at(p, &list, i);

		addr_add(p, v, &ret->n_ips, wd_field_string(p, &one, "ip"));
	}
	if (v && !n)
		addr_add(p, v, &ret->n_ips, only);
	ret->ips = v;
}

/* A sidecar is an init container that stays; its ports are found by name like others
 * (kubernetes pkg/api/v1/pod/util.go, FindPort). */
static bool is_sidecar(struct wd_parse *p, const struct wd_field *container)
{
	return !strcmp(wd_field_string(p, container, "restartPolicy"), "Always");
}

static struct wd_field ports_of(struct wd_parse *p, const struct wd_field *containers, size_t i,
                                bool init, struct wd_field *ret_container)
{
	*ret_container = wd_field_object_at(p, containers, i);
	if (init && !is_sidecar(p, ret_container))
		return (struct wd_field){.up = ret_container, .key = "ports"};
	return wd_field_array(p, ret_container, "ports");
}

static void port_read(struct wd_parse *p, const struct wd_field *port, struct wd_container_port *v,
                      unsigned int *n)
{
	int64_t number = wd_field_int(p, port, "containerPort", 0);
	struct wd_container_port c = {
		.name = wd_field_string(p, port, "name"),
		.proto = wd_field_proto(p, port),
	};

	if (!wd_parse_is_port(number) || !c.proto) {
		p->left_out++;
		return;
	}
	c.port = (uint16_t)number;
	v[(*n)++] = c;
}

static void ports_read(struct wd_parse *p, const struct wd_field *spec, struct wd_pod *ret)
{
	struct wd_field lists[2] = {wd_field_array(p, spec, "containers"),
	                            wd_field_array(p, spec, "initContainers")};
	struct wd_container_port *v = NULL;
	struct wd_field c, ports;
	size_t total = 0;

	for (int pass = 0; pass < 2; pass++) {
		for (size_t k = 0; k < 2; k++) {
			for (size_t i = 0; i < wd_field_size(&lists[k]); i++) {
				ports = ports_of(p, &lists[k], i, k == 1, &c);
				total += wd_field_size(&ports);
				for (size_t j = 0; v && j < wd_field_size(&ports); j++) {
					struct wd_field port = wd_field_object_at(p, &ports, j);

					port_read(p, &port, v, &ret->n_ports);
				}
			}
		}
		if (pass == 0 && !(v = wd_parse_alloc(p, total, sizeof(*v))))
			return;
	}
	ret->ports = v;
}

void wd_parse_pod(struct wd_parse *p, const struct wd_field *o, struct wd_pod *ret)
{
	struct wd_field meta = wd_field_object(p, o, "metadata");
	struct wd_field spec = wd_field_object(p, o, "spec");
	struct wd_field status = wd_field_object(p, o, "status");
	const char *phase = wd_field_string(p, &status, "phase");

	uid_read(wd_field_string(p, &meta, "uid"), ret->uid);
	ret->labels = wd_field_labels(p, &meta, "labels");
	ret->terminating = wd_field_string(p, &meta, "deletionTimestamp")[0] != '\0';
	ret->node = wd_field_string(p, &spec, "nodeName");
	ret->host_network = wd_field_bool(p, &spec, "hostNetwork", false);
	ports_read(p, &spec, ret);
	ips_read(p, &status, ret);
	ret->terminal = !strcmp(phase, "Succeeded") || !strcmp(phase, "Failed");
	ret->ready = wd_field_condition(p, &status, "Ready");
}

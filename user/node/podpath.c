/* SPDX-License-Identifier: Apache-2.0 */
#include "node/podpath.h"

#include <string.h>

#include "node/lines.h"

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool wd_podpath_is_label(const char *s, size_t n)
{
	if (!n || n >= WD_NS_NAME_LEN || !is_alnum(s[0]) || !is_alnum(s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(s[i]) && s[i] != '-')
			return false;
	return true;
}

/* A label of a subdomain has no limit of its own in Kubernetes (IsDNS1123Subdomain). */
bool wd_podpath_is_subdomain(const char *s, size_t n)
{
	if (!n || n >= WD_POD_NAME_LEN || !is_alnum(s[0]) || !is_alnum(s[n - 1]))
		return false;
	for (size_t i = 1; i + 1 < n; i++) {
		if (s[i] == '.' && (!is_alnum(s[i - 1]) || !is_alnum(s[i + 1])))
			return false;
		if (!is_alnum(s[i]) && s[i] != '-' && s[i] != '.')
			return false;
	}
	return true;
}

/* The systemd driver writes '_' for '-', which parts the steps of a slice's path. */
static bool uid_parse(const char *s, size_t n, struct wd_pod_uid *ret)
{
	if (n != 32 && n != 36)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool dash = n == 36 && (i == 8 || i == 13 || i == 18 || i == 23);

		if (dash ? s[i] != '-' && s[i] != '_' : wd_digit(s[i]) > 15)
			return false;
		ret->text[i] = dash ? '-' : s[i];
	}
	ret->text[n] = '\0';
	return true;
}

static bool ends_in(const struct wd_span *s, const char *tail)
{
	size_t n = strlen(tail);

	return s->n >= n && !memcmp(s->p + s->n - n, tail, n);
}

/* "kubepods", or the like with what --cgroup-root puts in front: "kubelet-kubepods". */
static bool is_kubepods(const struct wd_span *s)
{
	return wd_span_is(s, "kubepods") || ends_in(s, "-kubepods");
}

static bool is_qos(const struct wd_span *s)
{
	return wd_span_is(s, "burstable") || wd_span_is(s, "besteffort");
}

/* systemd driver: "[prefix-]kubepods[-burstable|-besteffort]-pod<uid>.slice". With a
 * runtime that does not know of that driver it ends in ":cri-containerd:<id>". */
static bool slice_uid(struct wd_span s, struct wd_pod_uid *ret)
{
	const char *end = memmem(s.p, s.n, ".slice", 6), *pod;
	struct wd_span parent;

	if (!end || (end + 6 != s.p + s.n && end[6] != ':'))
		return false;
	/* The uid holds no "-" here, so the last one is in front of "pod". */
	pod = memrchr(s.p, '-', (size_t)(end - s.p));
	if (!pod || end - pod < 4 || memcmp(pod, "-pod", 4))
		return false;
	parent = wd_span(s.p, (size_t)(pod - s.p));
	if (ends_in(&parent, "-burstable"))
		parent.n -= strlen("-burstable");
	else if (ends_in(&parent, "-besteffort"))
		parent.n -= strlen("-besteffort");
	return is_kubepods(&parent) && uid_parse(pod + 4, (size_t)(end - pod - 4), ret);
}

static bool path_next(struct wd_span *rest, struct wd_span *ret)
{
	const char *slash;

	while (rest->n && rest->p[0] == '/') {
		rest->p++;
		rest->n--;
	}
	if (!rest->n)
		return false;
	slash = memchr(rest->p, '/', rest->n);
	*ret = wd_span(rest->p, slash ? (size_t)(slash - rest->p) : rest->n);
	rest->p += ret->n;
	rest->n -= ret->n;
	return true;
}

static bool id_parse(const char *s, size_t n, struct wd_container_id *ret)
{
	if (n != WD_CONTAINER_ID_LEN - 1)
		return false;
	for (size_t i = 0; i < n; i++)
		if (wd_digit(s[i]) > 15)
			return false;
	memcpy(ret->text, s, n);
	ret->text[n] = '\0';
	return true;
}

/*
 * "<id>" (cgroupfs), "cri-containerd-<id>.scope", "crio-<id>.scope", "docker-<id>.scope"
 * (systemd), "…slice:cri-containerd:<id>" (kubelet with systemd, containerd without).
 */
static void step_container(struct wd_span s, struct wd_container_id *ret)
{
	const size_t len = WD_CONTAINER_ID_LEN - 1;

	if (ends_in(&s, ".scope"))
		s.n -= strlen(".scope");
	if (s.n < len || wd_span_begins(&s, "crio-conmon-"))
		return;
	if (s.n == len || s.p[s.n - len - 1] == '-' || s.p[s.n - len - 1] == ':')
		id_parse(s.p + s.n - len, len, ret);
}

bool wd_podpath_cgroup(const char *path, size_t n, struct wd_pod_uid *ret,
                       struct wd_container_id *ret_container)
{
	struct wd_span rest = wd_span(path, n), step;
	bool below = false; /* the step before is kubepods, or a QoS class in it */

	ret_container->text[0] = '\0';
	while (path_next(&rest, &step)) {
		/* cgroupfs driver: kubepods[/burstable]/pod<uid> */
		bool found = slice_uid(step, ret) || (below && wd_span_begins(&step, "pod") &&
		                                      uid_parse(step.p + 3, step.n - 3, ret));

		if (found) {
			if (memchr(step.p, ':', step.n) || path_next(&rest, &step))
				step_container(step, ret_container);
			return true;
		}
		below = is_kubepods(&step) || (below && is_qos(&step));
	}
	ret->text[0] = '\0';
	return false;
}

bool wd_podpath_cgroup_uid(const char *path, size_t n, struct wd_pod_uid *ret)
{
	struct wd_container_id container;

	return wd_podpath_cgroup(path, n, ret, &container);
}

/* "id:controllers:path" */
static bool proc_line_path(struct wd_span line, struct wd_span *path, bool *v2)
{
	const char *end = line.p + line.n;
	const char *a = line.n ? memchr(line.p, ':', line.n) : NULL, *b;

	b = a ? memchr(a + 1, ':', (size_t)(end - a - 1)) : NULL;
	if (!b)
		return false;
	*v2 = b == a + 1;
	*path = wd_span(b + 1, (size_t)(end - b - 1));
	return true;
}

bool wd_podpath_proc(const char *text, size_t n, struct wd_pod_uid *ret,
                     struct wd_container_id *ret_container)
{
	struct wd_span rest = wd_span(text, n), line, path;
	struct wd_container_id id, found_id = {0};
	struct wd_pod_uid found = {0}, uid;
	bool v2;

	while (wd_span_line(&rest, &line)) {
		if (!proc_line_path(line, &path, &v2) ||
		    !wd_podpath_cgroup(path.p, path.n, &uid, &id))
			continue;
		if (v2) {
			*ret = uid;
			*ret_container = id;
			return true;
		}
		if (found.text[0] && strcmp(found.text, uid.text))
			return false;
		found = uid;
		if (!found_id.text[0])
			found_id = id;
	}
	if (!found.text[0])
		return false;
	*ret = found;
	*ret_container = found_id;
	return true;
}

bool wd_podpath_proc_uid(const char *text, size_t n, struct wd_pod_uid *ret)
{
	struct wd_container_id container;

	return wd_podpath_proc(text, n, ret, &container);
}

bool wd_podpath_ref(const char *ns, const char *name, struct wd_pod_ref *ret)
{
	size_t ns_len = strlen(ns), name_len = strlen(name);

	if (!wd_podpath_is_label(ns, ns_len) || !wd_podpath_is_subdomain(name, name_len))
		return false;
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->ns, ns, ns_len);
	memcpy(ret->name, name, name_len);
	return true;
}

bool wd_podpath_log_dir(const char *name, struct wd_pod_ref *ret, struct wd_pod_uid *uid)
{
	const char *first = strchr(name, '_');
	const char *last = first ? strchr(first + 1, '_') : NULL;
	char ns[WD_NS_NAME_LEN], pod[WD_POD_NAME_LEN];
	struct wd_span a, b;

	if (!last)
		return false;
	a = wd_span(name, (size_t)(first - name));
	b = wd_span(first + 1, (size_t)(last - first - 1));
	return wd_span_copy(&a, ns, sizeof(ns)) && wd_span_copy(&b, pod, sizeof(pod)) &&
	       uid_parse(last + 1, strlen(last + 1), uid) && wd_podpath_ref(ns, pod, ret);
}

bool wd_podpath_log_link(const char *link, struct wd_pod_ref *ret,
                         char container[WD_CONTAINER_NAME_LEN], struct wd_container_id *id)
{
	const char *first = strchr(link, '_'), *second = first ? strchr(first + 1, '_') : NULL;
	const char *dash = second ? strrchr(second, '-') : NULL;
	char ns[WD_NS_NAME_LEN], pod[WD_POD_NAME_LEN];
	struct wd_span a, b, c;

	if (!dash || strlen(dash + 1) != WD_CONTAINER_ID_LEN - 1 + strlen(".log") ||
	    strcmp(dash + WD_CONTAINER_ID_LEN, ".log"))
		return false;
	a = wd_span(link, (size_t)(first - link));
	b = wd_span(first + 1, (size_t)(second - first - 1));
	c = wd_span(second + 1, (size_t)(dash - second - 1));
	return wd_podpath_is_label(c.p, c.n) && wd_span_copy(&a, pod, sizeof(pod)) &&
	       wd_span_copy(&b, ns, sizeof(ns)) &&
	       id_parse(dash + 1, WD_CONTAINER_ID_LEN - 1, id) && wd_podpath_ref(ns, pod, ret) &&
	       wd_span_copy(&c, container, WD_CONTAINER_NAME_LEN);
}

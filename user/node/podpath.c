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

static bool ends_in(const struct wd_slice *s, const char *tail)
{
	size_t n = strlen(tail);

	return s->n >= n && !memcmp(s->p + s->n - n, tail, n);
}

/* "kubepods", or the like with what --cgroup-root puts in front: "kubelet-kubepods". */
static bool is_kubepods(const struct wd_slice *s)
{
	return wd_slice_is(s, "kubepods") || ends_in(s, "-kubepods");
}

static bool is_qos(const struct wd_slice *s)
{
	return wd_slice_is(s, "burstable") || wd_slice_is(s, "besteffort");
}

/* systemd driver: "[prefix-]kubepods[-burstable|-besteffort]-pod<uid>.slice". With a
 * runtime that does not know of that driver it ends in ":cri-containerd:<id>". */
static bool slice_uid(struct wd_slice s, struct wd_pod_uid *ret)
{
	const char *end = memmem(s.p, s.n, ".slice", 6), *pod;
	struct wd_slice parent;

	if (!end || (end + 6 != s.p + s.n && end[6] != ':'))
		return false;
	/* The uid holds no "-" here, so the last one is in front of "pod". */
	pod = memrchr(s.p, '-', (size_t)(end - s.p));
	if (!pod || end - pod < 4 || memcmp(pod, "-pod", 4))
		return false;
	parent = wd_slice(s.p, (size_t)(pod - s.p));
	if (ends_in(&parent, "-burstable"))
		parent.n -= strlen("-burstable");
	else if (ends_in(&parent, "-besteffort"))
		parent.n -= strlen("-besteffort");
	return is_kubepods(&parent) && uid_parse(pod + 4, (size_t)(end - pod - 4), ret);
}

static bool path_next(struct wd_slice *rest, struct wd_slice *ret)
{
	const char *slash;

	while (rest->n && rest->p[0] == '/') {
		rest->p++;
		rest->n--;
	}
	if (!rest->n)
		return false;
	slash = memchr(rest->p, '/', rest->n);
	*ret = wd_slice(rest->p, slash ? (size_t)(slash - rest->p) : rest->n);
	rest->p += ret->n;
	rest->n -= ret->n;
	return true;
}

bool wd_podpath_cgroup_uid(const char *path, size_t n, struct wd_pod_uid *ret)
{
	struct wd_slice rest = wd_slice(path, n), step;
	bool below = false; /* the step before is kubepods, or a QoS class in it */

	while (path_next(&rest, &step)) {
		if (slice_uid(step, ret))
			return true;
		/* cgroupfs driver: kubepods[/burstable]/pod<uid> */
		if (below && wd_slice_begins(&step, "pod") &&
		    uid_parse(step.p + 3, step.n - 3, ret))
			return true;
		below = is_kubepods(&step) || (below && is_qos(&step));
	}
	ret->text[0] = '\0';
	return false;
}

/* "id:controllers:path" */
static bool proc_line_path(struct wd_slice line, struct wd_slice *path, bool *v2)
{
	const char *end = line.p + line.n;
	const char *a = line.n ? memchr(line.p, ':', line.n) : NULL, *b;

	b = a ? memchr(a + 1, ':', (size_t)(end - a - 1)) : NULL;
	if (!b)
		return false;
	*v2 = b == a + 1;
	*path = wd_slice(b + 1, (size_t)(end - b - 1));
	return true;
}

bool wd_podpath_proc_uid(const char *text, size_t n, struct wd_pod_uid *ret)
{
	struct wd_slice rest = wd_slice(text, n), line, path;
	struct wd_pod_uid found = {0}, uid;
	bool v2;

	while (wd_slice_line(&rest, &line)) {
		if (!proc_line_path(line, &path, &v2) ||
		    !wd_podpath_cgroup_uid(path.p, path.n, &uid))
			continue;
		if (v2) {
			*ret = uid;
			return true;
		}
		if (found.text[0] && strcmp(found.text, uid.text))
			return false;
		found = uid;
	}
	if (!found.text[0])
		return false;
	*ret = found;
	return true;
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
	struct wd_slice a, b;

	if (!last)
		return false;
	a = wd_slice(name, (size_t)(first - name));
	b = wd_slice(first + 1, (size_t)(last - first - 1));
	return wd_slice_copy(&a, ns, sizeof(ns)) && wd_slice_copy(&b, pod, sizeof(pod)) &&
	       uid_parse(last + 1, strlen(last + 1), uid) && wd_podpath_ref(ns, pod, ret);
}

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Checks manifests against Kubernetes' own OpenAPI types, with no cluster and no network:
Debian's python3-kubernetes is generated from them. Stricter than a server: an unknown field,
a key that is there twice, or a value of the wrong type is an error anywhere.

usage: schema.py FILE…           prints each error as FILE: document: path: what
       schema.py --mutate FILE…  proves that: every field misspelled, and every value of another
                                 type, one at a time, must be refused; prints the number tried
"""
import copy
import re
import sys

import kubernetes.client as client
import yaml

KINDS = {
    ("v1", "Namespace"): "V1Namespace",
    ("v1", "ServiceAccount"): "V1ServiceAccount",
    ("v1", "Pod"): "V1Pod",
    ("apps/v1", "DaemonSet"): "V1DaemonSet",
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): "V1ClusterRole",
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): "V1ClusterRoleBinding",
}

# Types that the package's Kubernetes (1.22) does not have yet, or that are no API types:
# field: (JSON name, type, required).
OWN = {
    # since 1.30
    "AppArmorProfile": {"type": ("str", True), "localhostProfile": ("str", False)},
    # sigs.k8s.io/kustomize/api/types, as far as it is used here
    "Kustomization": {
        "apiVersion": ("str", True),
        "kind": ("str", True),
        "resources": ("list[str]", True),
        "images": ("list[KustomizeImage]", False),
    },
    "KustomizeImage": {
        "name": ("str", True),
        "newName": ("str", False),
        "newTag": ("str", False),
        "digest": ("str", False),
    },
}
LATER = {"V1SecurityContext": {"appArmorProfile": ("AppArmorProfile", False)}}

# What the OpenAPI types call a string, and the server does not take any string for.
VALUES = {
    ("V1PodSpec", "restartPolicy"): {"Always", "OnFailure", "Never"},
    ("V1PodSpec", "dnsPolicy"): {"Default", "ClusterFirst", "ClusterFirstWithHostNet", "None"},
    ("V1VolumeMount", "mountPropagation"): {"None", "HostToContainer", "Bidirectional"},
    ("V1HostPathVolumeSource", "type"): {"", "Directory", "DirectoryOrCreate", "File", "FileOrCreate",
                                         "Socket", "CharDevice", "BlockDevice"},
    ("V1SeccompProfile", "type"): {"RuntimeDefault", "Unconfined", "Localhost"},
    ("AppArmorProfile", "type"): {"RuntimeDefault", "Unconfined", "Localhost"},
    ("V1Toleration", "operator"): {"Exists", "Equal"},
    ("V1DaemonSetUpdateStrategy", "type"): {"RollingUpdate", "OnDelete"},
    ("V1RoleRef", "kind"): {"Role", "ClusterRole"},
    ("V1Subject", "kind"): {"User", "Group", "ServiceAccount"},
}
QUANTITY = re.compile(r"^[0-9]+(\.[0-9]+)?(m|k|Ki|[MGTPE]i?)?$")


class Loader(yaml.SafeLoader):
    """SafeLoader keeps the last of two equal keys and says nothing."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(k, deep=deep) for k, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"key twice: {key}", node.start_mark)
        return super().construct_mapping(node, deep)


def fields(kind):
    """JSON name: (type, required), or None for a scalar or a free map."""
    if kind in OWN:
        return OWN[kind]
    model = getattr(client, kind, None)
    if model is None or not hasattr(model, "openapi_types"):
        return None
    ret = {}
    for name, of in model.openapi_types.items():
        ret[model.attribute_map[name]] = (of, is_required(model, name))
    ret.update(LATER.get(kind, {}))
    return ret


def is_required(model, name):
    """The generated setters refuse None where the API does."""
    instance = model.__new__(model)
    instance.local_vars_configuration = client.Configuration()
    try:
        setattr(instance, name, None)
    except ValueError:
        return True
    return False


def scalar(value, of):
    if of == "object":  # int-or-string (maxUnavailable): never a list or a map
        return isinstance(value, (int, str)) and not isinstance(value, bool)
    want = {"str": str, "bool": bool, "int": int}[of]
    return isinstance(value, want) and (of == "bool" or not isinstance(value, bool))


def walk(value, of, path):
    """Yields (path, what is wrong)."""
    inner = re.fullmatch(r"list\[(.*)\]", of)
    if inner:
        if not isinstance(value, list) or not value:
            yield path, "wants a list with something in it"
            return
        for i, item in enumerate(value):
            yield from walk(item, inner[1], f"{path}[{i}]")
        return
    inner = re.fullmatch(r"dict\(str, (.*)\)", of)
    if inner:
        if not isinstance(value, dict):
            yield path, "wants a map"
            return
        for key, item in value.items():
            yield from walk(key, "str", f"{path}.{key}")
            yield from walk(item, inner[1], f"{path}.{key}")
            if path.endswith((".requests", ".limits")) and not QUANTITY.match(str(item)):
                yield f"{path}.{key}", f"no quantity: {item}"
        return
    known = fields(of)
    if known is None:
        if not scalar(value, of):
            yield path, f"wants {of}, has {value!r}"
        return
    if not isinstance(value, dict):
        yield path, f"wants {of}, has {value!r}"
        return
    for name, (_, required) in known.items():
        if required and name not in value:
            yield path, f"lacks {name}"
    for name, item in value.items():
        here = f"{path}.{name}"
        if name not in known:
            yield here, f"{of} has no such field"
            continue
        yield from walk(item, known[name][0], here)
        allowed = VALUES.get((of, name))
        if allowed and item not in allowed:
            yield here, f"{item!r} is none of {sorted(allowed)}"


def pod_specs(value):
    if isinstance(value, dict):
        if isinstance(value.get("containers"), list):
            yield value
        for item in value.values():
            yield from pod_specs(item)


def references(document):
    """A mount names a volume, a volume is mounted, $(NAME) in an argument is in env."""
    for spec in pod_specs(document):
        volumes = {v.get("name") for v in spec.get("volumes", [])}
        mounted = set()
        for c in spec["containers"]:
            mounted |= {m.get("name") for m in c.get("volumeMounts", [])}
            env = {e.get("name") for e in c.get("env", [])}
            for arg in c.get("args", []):
                for name in re.findall(r"\$\((.*?)\)", str(arg)):
                    if name not in env:
                        yield c.get("name"), f"$({name}) is not in env"
        for name in sorted(map(str, volumes ^ mounted)):
            yield "volumes", f"{name}: not both declared and mounted"


def problems(document):
    if not isinstance(document, dict):
        return [("", "no map")]
    if document.get("kind") == "Kustomization":
        return list(walk(document, "Kustomization", ""))
    kind = KINDS.get((document.get("apiVersion"), document.get("kind")))
    if not kind:
        return [("", f"unknown {document.get('apiVersion')} {document.get('kind')}")]
    found = list(walk(document, kind, ""))
    if found:  # what follows relies on the types
        return found
    metadata = document.get("metadata", {})
    if "name" not in metadata and "generateName" not in metadata:
        return [(".metadata", "has no name")]
    return list(references(document))


def mutants(document):
    """(what was changed, the changed document): free maps' keys are anybody's."""
    def places(value, path, free):
        if isinstance(value, dict):
            for key, item in value.items():
                if not free:
                    yield path, key
                yield from places(item, path + [key], key in ("labels", "annotations", "nodeSelector",
                                                              "matchLabels", "requests", "limits"))
        elif isinstance(value, list):
            for i, item in enumerate(value):
                yield from places(item, path + [i], False)

    def at(value, path):
        for step in path:
            value = value[step]
        return value

    for path, key in places(document, [], False):
        where = ".".join(map(str, path + [key]))
        misspelled = copy.deepcopy(document)
        holder = at(misspelled, path)
        holder[key + "x"] = holder.pop(key)
        yield f"{where} misspelled", misspelled
        retyped = copy.deepcopy(document)
        at(retyped, path)[key] = {"bool": "true"}.get(type(at(document, path)[key]).__name__, True)
        yield f"{where} of another type", retyped


def documents(file):
    with open(file, encoding="utf-8") as f:
        return [d for d in yaml.load_all(f, Loader) if d is not None]


def main(args):
    mutate = args[:1] == ["--mutate"]
    tried, bad = 0, 0
    for file in args[mutate:]:
        try:
            parsed = documents(file)
        except yaml.YAMLError as e:
            print(f"{file}: {e}")
            bad += 1
            continue
        for i, document in enumerate(parsed):
            if not mutate:
                for path, what in problems(document):
                    print(f"{file}: document {i + 1}: {path}: {what}")
                    bad += 1
                continue
            for what, mutant in mutants(document):
                tried += 1
                if not problems(mutant):
                    print(f"{file}: document {i + 1}: passes with {what}")
                    bad += 1
    if mutate:
        print(f"{tried} mutants")
    return 1 if bad or (mutate and not tried) else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))

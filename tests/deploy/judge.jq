# SPDX-License-Identifier: Apache-2.0
# Least privilege, said of all manifests together. Input: an array of {file, document}. Output:
# {name: [what is wrong]}, one entry a check, so that a check without findings passes.

def documents($kind): .[] | select(.document.kind == $kind);
def pods: documents("Pod"), documents("DaemonSet") | {file, spec: (.document.spec.template.spec // .document.spec)};
def containers: pods | .file as $file | .spec.containers[] | {file: $file, c: .};

# the only reads of the API, as "group/resource"
def reads: ["/namespaces", "/nodes", "/pods", "/services", "acn.azure.com/nodenetworkconfigs",
	"discovery.k8s.io/endpointslices", "networking.k8s.io/networkpolicies"];
def capabilities: ["BPF", "DAC_READ_SEARCH", "NET_ADMIN", "NET_RAW", "PERFMON", "SYSLOG", "SYS_PTRACE"];
def host_paths: ["/etc/hosts", "/etc/resolv.conf", "/run/azure-cns", "/run/netns", "/sys/fs/cgroup", "/var/lib/cni",
	"/var/lib/whydrop", "/var/log/containers", "/var/log/pods"];
def writable: "/host/var/lib/whydrop";

def when(condition; what): if condition then what else empty end;

{
	"rbac-reads": ([documents("ClusterRole").document.rules[] | .apiGroups[] as $g | .resources[] | "\($g)/\(.)"]
		| sort | if . == reads then [] else ["grants \(.)"] end),
	"rbac-verbs": [documents("ClusterRole").document.rules[] | select((.verbs | sort) != ["get", "list", "watch"]
		or has("nonResourceURLs")) | "\(.resources): \(.verbs)"],
	"rbac-no-more": [.[].document | select(.kind | IN("Role", "RoleBinding", "Secret")) | .kind],
	"rbac-bound-to-us": ([documents("ClusterRoleBinding").document | [.roleRef.name, (.subjects[] | .kind, .name, .namespace)]]
		| if . == [["whydrop", "ServiceAccount", "whydrop", "whydrop"]] then [] else ["\(.)"] end),
	"container-context": [containers | .file as $f | .c.securityContext
		| when(.privileged != false; "\($f): privileged"),
		  when(.allowPrivilegeEscalation != false; "\($f): may escalate"),
		  when(.readOnlyRootFilesystem != true; "\($f): root is writable"),
		  when(.runAsUser != 0; "\($f): not uid 0, so no capabilities"),
		  when(.seccompProfile.type != "RuntimeDefault"; "\($f): seccomp \(.seccompProfile.type)")],
	"container-capabilities": [containers | .file as $f | .c.securityContext.capabilities
		| when(.drop != ["ALL"]; "\($f): drops \(.drop)"),
		  when((.add | sort) != capabilities; "\($f): adds \(.add)")],
	"host-paths": [pods | .file as $f | .spec
		| ([.volumes[] | .hostPath.path] | sort) as $paths
		| when($paths != host_paths; "\($f): mounts \($paths)"),
		  (.volumes[] | when(has("hostPath") | not; "\($f): \(.name) is no host path")),
		  (.containers[].volumeMounts[] | when(.readOnly != true and .mountPath != writable; "\($f): \(.name) is writable"),
			when((.subPath // .subPathExpr) != null; "\($f): \(.name) has a part mounted"),
			when(.mountPropagation == "Bidirectional"; "\($f): \(.name) mounts on the node")),
		  # a file or directory that is made on a node which others would take for theirs
		  (.volumes[].hostPath | when((.type == "FileOrCreate") or (.type // "") == ""; "\($f): makes \(.path)")),
		  # what whydrop looks for is below --host-root under its own path
		  ((.volumes | map({(.name): .hostPath.path}) | add) as $v | .containers[].volumeMounts[]
			| when(.mountPath != "/host" + $v[.name]; "\($f): \(.name) is elsewhere"))],
	"host-namespaces": [pods | .file as $f | .spec
		| when(.hostNetwork != true; "\($f): not in the node's network"),
		  when(.hostPID != true; "\($f): not among the node's processes"),
		  when(.hostIPC == true; "\($f): shares IPC")],
	"limits": [containers | .file as $f | .c.resources | when(.limits.memory == null; "\($f): no memory limit"),
		when(.limits.cpu != null; "\($f): is throttled")],
	"namespace-admits-it": [documents("Namespace").document.metadata.labels["pod-security.kubernetes.io/enforce"]
		| when(. != "privileged"; "enforces \(.)")],
	"both-pods-alike": ([pods | .spec | del(.nodeName, .restartPolicy, .activeDeadlineSeconds, .containers[].args)]
		| unique | if length == 1 then [] else ["DaemonSet and Pod differ in more than when they end"] end)
}

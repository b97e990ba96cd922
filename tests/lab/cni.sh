# shellcheck shell=bash
# Pods as a container runtime makes them: the real plugins of
# containernetworking-plugins, called as libcni calls them, and the files that a
# runtime and the kubelet leave behind. whydrop reads those files to name a pod
# (the result cache) and to audit addresses (host-local's store), so they must be
# what a node really has, byte for byte where that matters.

CNI_DIR=${CNI_DIR:-/usr/lib/cni}
CNI_NETWORK=k8s-pod-network

# The conflist as it lies in /etc/cni/net.d. ipMasq is off: upstream routes the
# pod range back, and scenarios that want SNAT add it where it can be seen.
cni_conflist() {
	jq -n --arg name "$CNI_NETWORK" --arg dir "$HOST_ROOT/var/lib/cni/networks" \
		--arg v4 "$POD_CIDR4" --arg v6 "$POD_CIDR6" '{
		cniVersion: "1.0.0", name: $name,
		plugins: [
			{type: "bridge", bridge: "cni0", isGateway: true, ipMasq: false, hairpinMode: true,
			 ipam: {type: "host-local", dataDir: $dir,
				ranges: [[{subnet: $v4}], [{subnet: $v6}]],
				routes: [{dst: "0.0.0.0/0"}, {dst: "::/0"}]}},
			{type: "portmap", capabilities: {portMappings: true}}]}'
}

# cni_plugin COMMAND POD IFNAME TYPE <conf: run one plugin in the node's netns.
# The plugins are Go: they open /proc/<own pid>/…, and need a /proc of the lab's pid
# namespace for that, where everybody else here has the host's.
cni_plugin() {
	local command=$1 pod=$2 ifname=$3 type=$4
	in_netns node unshare --mount-proc -- env -i PATH="$PATH" \
		CNI_COMMAND="$command" CNI_CONTAINERID="${POD_ID[$pod]}" \
		CNI_NETNS="$(sandbox "$pod")" CNI_IFNAME="$ifname" CNI_PATH="$CNI_DIR" \
		CNI_ARGS="$(cni_args "$pod" | jq -r 'map(join("=")) | join(";")')" \
		"$CNI_DIR/$type"
}

# containerd says /var/run, which is a link to /run.
sandbox() {
	echo "/var/run/netns/${POD_NETNS[$1]}"
}

cni_args() {
	jq -nc --arg ns "${POD_NAMESPACE[$1]}" --arg name "${POD_NAME[$1]}" --arg id "${POD_ID[$1]}" \
		--arg uid "${POD_UID[$1]}" '[["IgnoreUnknown", "1"], ["K8S_POD_NAMESPACE", $ns],
		["K8S_POD_NAME", $name], ["K8S_POD_INFRA_CONTAINER_ID", $id], ["K8S_POD_UID", $uid]]'
}

# web has a hostPort, as an ingress controller would.
capability_args() {
	if [ "$1" = web ]; then
		echo '{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp","hostIP":""}]}'
	else
		echo '{}'
	fi
}

# plugin_conf CONFLIST INDEX CAPABILITY-ARGS PREVIOUS-RESULT: what libcni feeds to
# one plugin of a list: name and version injected, runtimeConfig only for what
# the plugin declared, prevResult from the one before.
plugin_conf() {
	jq -c --argjson i "$2" --argjson args "$3" --argjson previous "$4" '
		{name, cniVersion} as $common | .plugins[$i] | . + $common
		| . as $plugin
		| ($args | with_entries(select($plugin.capabilities[.key] // false))) as $runtime
		| if $runtime == {} then . else .runtimeConfig = $runtime end
		| if $previous == null then . else .prevResult = $previous end
		| del(.capabilities)' <<<"$1"
}

# cache_write CONFLIST POD IFNAME RESULT CAPABILITY-ARGS: libcni's cacheAdd
cache_write() {
	local name dir=$HOST_ROOT/var/lib/cni/results
	name=$(jq -r .name <<<"$1")
	mkdir -p "$dir"
	chmod 700 "$dir"
	(
		umask 077
		jq -nc --arg id "${POD_ID[$2]}" --arg config "$(base64 -w0 <<<"$1")" --arg ifname "$3" \
			--arg name "$name" --arg netns "$(sandbox "$2")" \
			--argjson args "$(cni_args "$2")" --argjson capabilities "$5" --argjson result "$4" '
			{kind: "cniCacheV1", containerId: $id, config: $config, ifName: $ifname,
			 networkName: $name, netns: $netns, cniArgs: $args, capabilityArgs: $capabilities,
			 result: $result} | if .capabilityArgs == {} then del(.capabilityArgs) else . end' |
			tr -d '\n' >"$dir/$name-${POD_ID[$2]}-$3"
	)
}

# attach CONFLIST POD IFNAME CAPABILITY-ARGS: ADD of a whole list
attach() {
	local conflist=$1 pod=$2 ifname=$3 capabilities=$4 result=null i=0 type
	for type in $(jq -r '.plugins[].type' <<<"$conflist"); do
		if ! result=$(plugin_conf "$conflist" "$i" "$capabilities" "$result" |
			cni_plugin ADD "$pod" "$ifname" "$type"); then
			echo "lab: CNI ADD of $pod by $type: $result" >&2
			return 1
		fi
		i=$((i + 1))
	done
	cache_write "$conflist" "$pod" "$ifname" "$result" "$capabilities"
}

# detach CONFLIST POD IFNAME CAPABILITY-ARGS: DEL, last plugin first
detach() {
	local conflist=$1 pod=$2 ifname=$3 capabilities=$4 types i name cache
	name=$(jq -r .name <<<"$conflist")
	cache=$HOST_ROOT/var/lib/cni/results/$name-${POD_ID[$pod]}-$ifname
	mapfile -t types < <(jq -r '.plugins[].type' <<<"$conflist")
	for ((i = ${#types[@]} - 1; i >= 0; i--)); do
		plugin_conf "$conflist" "$i" "$capabilities" "$(jq .result "$cache")" |
			cni_plugin DEL "$pod" "$ifname" "${types[i]}"
	done
	rm "$cache"
}

loopback_conflist() {
	echo '{"cniVersion":"1.0.0","name":"cni-loopback","plugins":[{"type":"loopback"}]}'
}

# What the kubelet and containerd leave for a pod besides its network.
pod_files() {
	local pod=$1 dir
	dir=$HOST_ROOT/var/log/pods/${POD_NAMESPACE[$pod]}_${POD_NAME[$pod]}_${POD_UID[$pod]}
	mkdir -p "$dir/${POD_CONTAINER[$pod]}"
	echo "2026-11-22T12:00:00.000000000Z stdout F started" >"$dir/${POD_CONTAINER[$pod]}/0.log"
}

# The pause container: without it no process would stand for the pod in /proc.
pod_pause() {
	in_netns "$1" "$LAB/pause" pause --life "$LAB_LIFE" --ready "$LAB/paused.$1" &
	await_file "$LAB/paused.$1"
}

pod_add() {
	local pod=$1
	POD_UID[$pod]=$(</proc/sys/kernel/random/uuid)
	POD_NETNS[$pod]=cni-$(</proc/sys/kernel/random/uuid)
	POD_ID[$pod]=$(sha256sum <<<"${POD_UID[$pod]}" | cut -d' ' -f1)
	new_netns "${POD_NETNS[$pod]}"
	pod_pause "$pod"
	attach "$(loopback_conflist)" "$pod" lo '{}'
	attach "$CONFLIST" "$pod" eth0 "$(capability_args "$pod")"
	pod_files "$pod"
}

pods_add() {
	local pod got
	CONFLIST=$(cni_conflist)
	ln -s "$PEER" "$LAB/pause"
	mkdir -p "$HOST_ROOT/etc/cni/net.d"
	echo "$CONFLIST" >"$HOST_ROOT/etc/cni/net.d/10-$CNI_NETWORK.conflist"
	for pod in "${PODS[@]}"; do
		pod_add "$pod"
		got=$(jq -r '[.result.ips[].address | sub("/.*"; "")] | join(" ")' \
			"$HOST_ROOT/var/lib/cni/results/$CNI_NETWORK-${POD_ID[$pod]}-eth0")
		if [ "$got" != "${POD_IP4[$pod]} ${POD_IP6[$pod]}" ]; then
			echo "lab: host-local gave $pod the addresses $got" >&2
			return 1
		fi
	done
}

pods_del() {
	local pod
	for pod in "${PODS[@]}"; do
		detach "$CONFLIST" "$pod" eth0 "$(capability_args "$pod")"
		detach "$(loopback_conflist)" "$pod" lo '{}'
	done
}

# shellcheck shell=bash disable=SC2034
# The recorded cluster (api/, node/, see README.md), made of network namespaces of its own beside
# the lab's: its addresses are recorded, so they cannot carry the lab's number.
#
#   shop-<pod>   the pods of node …000, at the recorded addresses, each behind a veth with a /32
#                route, as Azure CNI has it
#   shop-node    that node, 10.224.0.4, with kube-proxy's recorded rules
#   shop-far     all the rest: the other node and its pods, and what the API server's address is
#
# Clients have a process name with the lab's number, since a tracer sees the whole machine.
#
# What cannot be done here: the recorded rules count connections to NodePorts on loopback by
# nfacct objects, which only kube-proxy makes: that match is taken out of the iptables files.

SHOP=$LAB_SOURCE/shop
SHOP_NODE=aks-nodepool1-12345678-vmss000000
SHOP_FAR_NODE=aks-nodepool1-12345678-vmss000001
SHOP_NODE_IP=10.224.0.4 SHOP_FAR_IP=10.224.0.5 SHOP_API_IP=172.17.0.62
SHOP_ROOT=$WORK/root
CLIENT_COMM=shop$LAB_NUMBER
CLIENT=$WORK/$CLIENT_COMM

declare -A SHOP_IP=([frontend]=10.244.0.10 [backend]=10.244.0.11 [cart]=10.244.0.12 [api]=10.244.0.20
	[coredns]=10.244.0.2 [prometheus]=10.244.0.30)
# pods of the other node
SHOP_FAR_PODS=(10.244.1.2 10.244.1.11 10.244.1.21)

shop_pod() {
	local pod=shop-$1 ip=$2 veth=azv$1
	new_netns "$pod"
	ip -n shop-node link add "${veth:0:15}" type veth peer name eth0 netns "$pod"
	ip -n shop-node link set "${veth:0:15}" up
	ip -n "$pod" link set eth0 up
	ip -n "$pod" addr add "$ip/32" dev eth0
	ip -n "$pod" route add 169.254.1.1 dev eth0
	ip -n "$pod" route add default via 169.254.1.1
	sysctls shop-node "net.ipv4.conf.${veth:0:15}.proxy_arp=1"
	ip -n shop-node route add "$ip" dev "${veth:0:15}"
	# without a process in it no namespace is a pod's
	in_netns "$pod" "$PEER" pause --ready "$WORK/paused.$1" &
	SHOP_PIDS+=($!)
	await_file "$WORK/paused.$1"
}

SHOP_PIDS=()
shop_up() {
	local pod ip
	ln -s "$PEER" "$CLIENT"
	mkdir -p "$SHOP_ROOT/run/netns"
	mount --bind /run/netns "$SHOP_ROOT/run/netns"
	new_netns shop-node
	new_netns shop-far
	sysctls shop-node net.ipv4.ip_forward=1
	sysctls shop-far net.ipv4.ip_forward=1
	ip -n shop-node link add eth0 type veth peer name eth0 netns shop-far
	ip -n shop-node link set eth0 up
	ip -n shop-far link set eth0 up
	ip -n shop-node addr add "$SHOP_NODE_IP/24" dev eth0
	ip -n shop-far addr add "$SHOP_FAR_IP/24" dev eth0
	ip -n shop-node route add default via "$SHOP_FAR_IP"
	ip -n shop-far route add 10.244.0.0/24 via "$SHOP_NODE_IP"
	# a ClusterIP without a rule for its port leaves the node; nobody knows it there
	ip -n shop-far route add unreachable 10.96.0.0/16
	for ip in "${SHOP_FAR_PODS[@]}" "$SHOP_API_IP"; do
		ip -n shop-far addr add "$ip/32" dev lo
	done
	for pod in "${!SHOP_IP[@]}"; do
		shop_pod "$pod" "${SHOP_IP[$pod]}"
	done
}

shop_down() {
	local pid pod
	api_down
	for pid in "${SHOP_PIDS[@]}"; do
		end_process "$pid"
	done
	for pod in node far "${!SHOP_IP[@]}"; do
		ip netns del "shop-$pod"
	done
	umount "$SHOP_ROOT/run/netns"
}

# What containerd and the kubelet leave on the node, of its own pods. With an API nothing of that
# is there, so that names come from the API.
shop_files() {
	local pod ip name id dir=$SHOP_ROOT/var/lib/cni/results
	mkdir -p "$dir"
	for pod in "${!SHOP_IP[@]}"; do
		ip=${SHOP_IP[$pod]}
		id=$(sha256sum <<<"$pod" | cut -d' ' -f1)
		jq -c --arg ip "$ip" --arg id "$id" --arg netns "/var/run/netns/shop-$pod" '
			first(.items[] | select(.status.podIP == $ip)).metadata |
			{kind: "cniCacheV1", containerId: $id, ifName: "eth0", networkName: "azure",
			 netns: $netns, config: "e30=", cniArgs: [["IgnoreUnknown", "1"],
				["K8S_POD_NAMESPACE", .namespace], ["K8S_POD_NAME", .name],
				["K8S_POD_INFRA_CONTAINER_ID", $id], ["K8S_POD_UID", .uid]],
			 result: {cniVersion: "1.0.0", ips: [{address: ($ip + "/32")}]}}' \
			"$SHOP/api/pods.json" >"$dir/azure-$id-eth0"
	done
}

# shop_rules MODE: iptables-legacy, iptables-nft, nftables, or none; in place of those before
shop_rules() {
	local tool table
	in_netns shop-node nft flush ruleset
	for table in filter nat mangle; do
		in_netns shop-node iptables-legacy -t $table -F
		in_netns shop-node iptables-legacy -t $table -X
	done
	case $1 in
	none) ;;
	nftables) in_netns shop-node nft -f "$SHOP/node/nftables.nft" ;;
	*)
		sed 's/-m nfacct --nfacct-name  *[^ ]* //' "$SHOP/node/$1.save" |
			in_netns shop-node "$1-restore"
		;;
	esac
	in_netns shop-node conntrack -F 2>/dev/null
}

# shop_block HOOK PRIORITY WORDS…: packets that a rule of somebody else drops
shop_block() {
	local chain=$1_$BLOCKS hook=$1 priority=$2
	BLOCKS=$((BLOCKS + 1))
	shift 2
	in_netns shop-node nft add table ip lab_firewall
	in_netns shop-node nft add chain ip lab_firewall "$chain" \
		"{ type filter hook $hook priority $priority; }"
	in_netns shop-node nft add rule ip lab_firewall "$chain" "$@" drop
}
BLOCKS=0

# client POD ADDRESS PORT [OPTION…]: a client's command line, to be run or to be written down
client() {
	local pod=$1
	shift
	printf '%q ' nsenter "--net=/run/netns/shop-$pod" -- "$CLIENT" connect "$@"
}

# shop_traced ARGUMENTS…: whydrop on that node, bounded
shop_traced() {
	in_netns shop-node timeout --kill-after=2 40 "$WHYDROP" trace --node "$SHOP_NODE" \
		--host-root "$SHOP_ROOT" -o json "$@"
}

# shop_start NAME ARGUMENTS…: the same in the background; PID is ours to wait for
shop_start() {
	local name=$1
	shift
	(exec nsenter --net=/run/netns/shop-node -- "$WHYDROP" trace --node "$SHOP_NODE" \
		--host-root "$SHOP_ROOT" -o json "$@") >"$WORK/$name.out" 2>"$WORK/$name.err" &
	PID=$!
}

# certificates: an authority, and a server at each address that the API may have here
certificates() {
	(
		cd "$WORK" || exit
		key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
		openssl req -x509 "${key[@]}" -keyout ca.key -out ca.crt -subj /CN=ca -days 2
		openssl req "${key[@]}" -keyout server.key -out server.csr -subj /CN=server
		echo "subjectAltName=IP:$SHOP_FAR_IP,IP:$SHOP_API_IP" >ext
		openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial \
			-out server.crt -days 2 -extfile ext
	) >"$WORK/openssl" 2>&1
}

# api_up ADDRESS: the recorded objects behind TLS on port 6443, in shop-far. Sets API_PID and
# KUBECONFIG_FILE.
api_up() {
	local address=$1
	[ -e "$WORK/server.crt" ] || certificates
	: >"$WORK/listening"
	(exec nsenter --net=/run/netns/shop-far -- setpriv --pdeathsig KILL \
		python3 "$LAB_SOURCE/../kube/apiserver" --address "$address" --port 6443 \
		--dir "$SHOP/api" --tls "$WORK/server.crt" "$WORK/server.key") \
		>"$WORK/listening" 2>"$WORK/apiserver.err" &
	API_PID=$!
	KUBECONFIG_FILE=$WORK/kubeconfig
	cat >"$KUBECONFIG_FILE" <<-CONFIG
		apiVersion: v1
		kind: Config
		current-context: shop
		clusters:
		- {name: shop, cluster: {server: "https://$address:6443", certificate-authority: "$WORK/ca.crt"}}
		contexts:
		- {name: shop, context: {cluster: shop, user: whydrop}}
		users:
		- {name: whydrop, user: {token: lab}}
	CONFIG
	poll 5 grep -q listening "$WORK/listening"
}

api_down() {
	[ -z "$API_PID" ] || end_process "$API_PID"
	API_PID=
}
API_PID=

# api_put PLURAL OBJECT: adds or changes an object of the API server
api_put() {
	in_netns shop-far python3 - "$1" "$2" "$WORK/ca.crt" "$(sed -n 's/.*server: "\([^"]*\)".*/\1/p' "$KUBECONFIG_FILE")" <<-'PYTHON'
		import json, ssl, sys, urllib.parse, urllib.request
		what = {"plural": sys.argv[1], "object": json.loads(sys.argv[2])}
		urllib.request.urlopen(sys.argv[4] + "/_put?" + urllib.parse.quote(json.dumps(what)),
		                       context=ssl.create_default_context(cafile=sys.argv[3])).read()
	PYTHON
}

# ours FILE [FILTER]: the final findings of our own clients
ours() {
	jq -c --arg comm "$CLIENT_COMM" 'select(.type == "finding" and .final
		and .client.process.comm == $comm)'" | ${2:-.}" "$1"
}

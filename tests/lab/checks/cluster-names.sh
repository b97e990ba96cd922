#!/usr/bin/env bash
# Pods, Services and the API server have their names, whoever tells them, in each mode of kube-proxy.
#
# Who tells: a snapshot of the API, the API itself over TLS, or nobody but the node. With --no-api
# the node's rules tell Services, ports and backends, and libcni's files the pods of this node.
# Absent are then, and must be: names of pods on other nodes, the nodes of pods, and Services that
# kube-proxy writes no rules for (headless ones).
#
# Not to be had in namespaces: LoadBalancer addresses (Azure gives them), and NodePorts from beyond
# the node with source addresses of their own.
#
# Known gap: of a refused connection that was masqueraded as well (a pod that reaches itself by its
# Service, the node itself) nobody remembers the backend, since conntrack forgets it with the RST
# and the backend saw another client. Backends behind a "?" may be missing for that reason.
#
# Alone: the addresses are recorded, two of these would read each other's findings.
. "$LAB_SOURCE/check.sh"
. "$LAB_SOURCE/shop/shop.sh"

# name, client, protocol, address, port, Service's namespace/name/port, backends, further options
CASES="
refused        frontend tcp 10.96.156.220 443   payments/api/https      10.244.0.20:8443
elsewhere      cart     tcp 10.96.252.31  5432  payments/db/pg          10.244.1.21:5432
silent         cart     tcp 10.96.220.10  80    shop/frontend/http      10.244.0.10:8080  --timeout 1500
orphan         cart     tcp 10.96.154.129 80    shop/orphan/http        -
wrongport      cart     tcp 10.96.37.124  80    shop/wrongport/http     10.244.0.11:9999,10.244.1.11:9999
localonly      cart     tcp 10.96.208.149 5432  shop/localonly/pg       -
kubernetes     cart     tcp 10.96.0.1     443   default/kubernetes/https 172.17.0.62:6443
undefined-port cart     tcp 10.96.220.10  81    shop/frontend           -                 --timeout 1500
direct         cart     tcp 10.244.0.20   8443  -                       10.244.0.20:8443
node-port      cart     tcp 10.224.0.4    32097 shop/lb/http            10.244.0.10:8080
masqueraded    cart     tcp 10.224.0.4    30080 shop/frontend/http      10.244.0.10:8080  --timeout 1500
hairpin        api      tcp 10.96.156.220 443   payments/api/https      ?10.244.0.20:8443
from-node      node     tcp 10.96.252.31  5432  payments/db/pg          ?10.244.1.21:5432
affinity       frontend tcp 10.96.150.159 9090  shop/cart/grpc          10.244.0.12:9090
dns            frontend udp 10.96.0.10    53    kube-system/kube-dns/dns 10.244.0.2:53,10.244.1.2:53 --udp --send 20 --expect 1"

# Both as JSON for names.jq, and as a script that runs all clients at once.
cases() {
	local name from proto ip port service backends options
	: >"$WORK/clients"
	grep . <<<"$CASES" | while read -r name from proto ip port service backends options; do
		# shellcheck disable=SC2086
		echo "$(client "$from" "$ip" "$port" $options) &" >>"$WORK/clients"
		jq -n '$ARGS.named | .api = (.service | startswith("default/")) | .port |= tonumber
			| .forgotten = (.backends | startswith("?")) | .backends |= ltrimstr("?")
			| .backends |= if . == "-" then [] else split(",") end
			| .service |= if . == "-" then null else split("/") |
				{namespace: .[0], name: .[1]} + if .[2] then {port: .[2]} else {} end end' \
			--arg name "$name" --arg client "${SHOP_IP[$from]:-$SHOP_NODE_IP}" --arg proto "$proto" \
			--arg ip "$ip" --arg port "$port" --arg service "$service" --arg backends "$backends"
	done | jq -s . >"$WORK/cases"
	echo wait >>"$WORK/clients"
}

# names HOW FILES OPTION…: all cases under one whydrop
names() {
	local how=$1 files=$2 out
	shift 2
	out=$WORK/${how// /-}
	shop_traced "$@" -- bash "$WORK/clients" >"$out.out" 2>"$out.err"
	jq -rs --slurpfile cases "$WORK/cases" --slurpfile pods "$SHOP/api/pods.json" \
		--arg comm "$CLIENT_COMM" --arg files "$files" "\$cases[0] as \$cases | $(<"$SHOP/names.jq")" \
		"$out.out" >"$out.complaints" 2>&1
	verdict "$how" "$(paste -sd';' "$out.complaints")"
}

trap shop_down EXIT
shop_up
cases
for mode in iptables-legacy iptables-nft nftables; do
	shop_rules $mode
	shop_block forward filter ct original ip daddr 10.96.220.10 ip daddr 10.244.0.10
	shop_block postrouting 'srcnat + 10' meta l4proto tcp ct original proto-dst 30080
	# what is first to pass rules that are new may wait for the kernel to build its code
	in_netns shop-cart "$PEER" connect 10.96.252.31 5432 2>"$WORK/warm"
	names "$mode, snapshot" no --snapshot "$SHOP/api"
	shop_files
	names "$mode, no API" yes --no-api
	rm -r "${SHOP_ROOT:?}/var"
done
api_up "$SHOP_FAR_IP"
names "$mode, API" no --kubeconfig "$KUBECONFIG_FILE"

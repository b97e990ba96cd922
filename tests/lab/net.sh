# shellcheck shell=bash disable=SC2034
# The lab's network: one Kubernetes node and what lies beyond it.
#
#   pods (a netns each)            node                       upstream
#   cart  shop/cart-0         eth0 ─┐                         lo:    the remote servers
#   web   shop/web-0          eth0 ─┼ cni0 (real bridge)
#   api   payments/api-…      eth0 ─┤        eth0 ──────────  eth0
#   dns   kube-system/core…   eth0 ─┘        eth1 ──────────  eth1   (second way, mostly unused)
#                                                             void0: nobody answers behind it
#
# Addresses come from the lab's number, because a tracer sees the whole machine:
# two labs that shared a client or a target would read each other's findings.
# IPv6 carries the number as 100..1ff, so that no group is zero and the text form
# of an address is the same whoever prints it.

PODS=(cart web api dns)
declare -A POD_NAMESPACE=([cart]=shop [web]=shop [api]=payments [dns]=kube-system)
declare -A POD_NAME=([cart]=cart-0 [web]=web-0 [api]=api-5f7b8c9d4-qq2zn
	[dns]=coredns-7db6d8ff4d-x2k9p)
declare -A POD_CONTAINER=([cart]=cart [web]=nginx [api]=api [dns]=coredns)
declare -A POD_UID=() POD_NETNS=() POD_ID=() POD_IP4=() POD_IP6=()

# Sets every address of lab number $1. Pods get theirs from host-local, which
# hands them out in order; pods_add checks that it did.
addresses() {
	local n=$1 hex index=2 pod
	hex=$(printf '%x' $((256 + n)))

	POD_CIDR4=10.244.$n.0/24 POD_CIDR6=fd00:10:244:$hex::/64
	NODE4=198.18.$n.10 NODE6=fd00:198:18:$hex::10
	ROUTER4=198.18.$n.1 ROUTER6=fd00:198:18:$hex::1
	NODE_ALT4=198.18.$n.210 NODE_ALT6=fd00:198:18a:$hex::10
	ROUTER_ALT4=198.18.$n.209 ROUTER_ALT6=fd00:198:18a:$hex::1
	DEAD_NEIGHBOUR4=198.18.$n.77 DEAD_NEIGHBOUR6=fd00:198:18:$hex::77
	DEAD_POD4=10.244.$n.250 DEAD_POD6=fd00:10:244:$hex::250
	SERVERS_CIDR4=198.19.$n.0/25 SERVERS_CIDR6=fd00:198:19:$hex::/64
	SERVER4=198.19.$n.5 SERVER6=fd00:198:19:$hex::5
	SILENT4=198.19.$n.200 SILENT6=fd00:198:19a:$hex::200
	CLUSTER4=10.96.$n.10 CLUSTER6=fd00:10:96:$hex::10
	for pod in "${PODS[@]}"; do
		POD_IP4[$pod]=10.244.$n.$index
		POD_IP6[$pod]=fd00:10:244:$hex::$index
		index=$((index + 1))
	done
}

# use WORD: chooses the IP version of a scenario, 6 if WORD ends in v6, else 4. SERVER,
# NODE and the others are then of that version.
use() {
	local suffix=4 name pod value
	[[ $1 != *v6 ]] || suffix=6
	for name in NODE ROUTER NODE_ALT ROUTER_ALT DEAD_NEIGHBOUR DEAD_POD SERVER SILENT CLUSTER; do
		value=$name$suffix
		printf -v "$name" %s "${!value}"
	done
	declare -gA POD_IP=()
	for pod in "${PODS[@]}"; do
		value="POD_IP${suffix}[$pod]"
		POD_IP[$pod]=${!value}
	done
	IP_VERSION=$suffix
}

# in NETNS COMMAND…: run in one of the lab's namespaces. Pods go by short name.
# (`ip netns exec` would remount /sys for each command.)
in_netns() {
	local netns=$1
	shift
	nsenter --net="$(netns_path "$netns")" -- "$@"
}

netns_path() {
	echo "/run/netns/${POD_NETNS[$1]:-$1}"
}

# Per-namespace sysctls can only be written from inside.
sysctls() {
	local netns=$1
	shift
	in_netns "$netns" sysctl -q -w "$@"
}

new_netns() {
	ip netns add "$1"
	sysctls "$1" \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
		net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
		net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
		net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.default.accept_ra=0 \
		net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0 net.ipv4.tcp_tw_reuse=1
	# per namespace since 6.11, the machine's own before
	sysctls "$1" net.ipv4.icmp_msgs_per_sec=100000 2>/dev/null || true
	ip -n "$1" link set lo up
}

routers_up() {
	local netns
	for netns in node upstream; do
		sysctls "$netns" net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	done
	ip -n upstream link add eth0 type veth peer name eth0 netns node
	ip -n upstream link add eth1 type veth peer name eth1 netns node
	for netns in node upstream; do
		ip -n "$netns" link set eth0 up
		ip -n "$netns" link set eth1 up
	done

	ip -n upstream addr add "$ROUTER4/25" dev eth0
	ip -n upstream addr add "$ROUTER6/64" dev eth0 nodad
	ip -n node addr add "$NODE4/25" dev eth0
	ip -n node addr add "$NODE6/64" dev eth0 nodad
	ip -n upstream addr add "$ROUTER_ALT4/30" dev eth1
	ip -n upstream addr add "$ROUTER_ALT6/64" dev eth1 nodad
	ip -n node addr add "$NODE_ALT4/30" dev eth1
	ip -n node addr add "$NODE_ALT6/64" dev eth1 nodad

	ip -n node route add default via "$ROUTER4"
	ip -n node -6 route add default via "$ROUTER6"
	ip -n upstream route add "$POD_CIDR4" via "$NODE4"
	ip -n upstream -6 route add "$POD_CIDR6" via "$NODE6"
	ip -n upstream addr add "$SERVER4/32" dev lo
	ip -n upstream addr add "$SERVER6/128" dev lo nodad
}

# A tun device whose reader throws everything away. A DROP rule or a foreign MAC
# upstream would free the packet in this kernel, and a tracer that sees the whole
# machine would find that "remote" drop; here the packet really leaves.
void_up() {
	in_netns upstream "$PEER" void void0 --life "$LAB_LIFE" --ready "$LAB/void" &
	await_file "$LAB/void"
	ip -n upstream link set void0 up
	ip -n upstream route add "$SILENT4/32" dev void0
	ip -n upstream -6 route add "$SILENT6/128" dev void0
}

net_up() {
	new_netns node
	new_netns upstream
	routers_up
	void_up
	pods_add
}

# Pods are removed as a runtime would, so that DEL is exercised too; everything
# else dies with the last process of the lab.
net_down() {
	pods_del
}

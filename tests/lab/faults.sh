# shellcheck shell=bash
# What scenario files are written with: servers, rules, and other ways to break
# things. Each helper puts its own undoing on a stack, so a scenario says only
# what it breaks, and the next scenario finds the node as it was.

UNDO=()

# undo COMMAND…: run it when the scenario ends; last one first.
undo() {
	UNDO+=("$(printf '%q ' "$@")")
}

undo_all() {
	local i
	for ((i = ${#UNDO[@]} - 1; i >= 0; i--)); do
		eval "${UNDO[i]}" || echo "lab: undoing failed: ${UNDO[i]}" >&2
	done
	UNDO=()
}

# await_file FILE: bounded polling, 5 s
await_file() {
	local i
	for ((i = 0; i < 500; i++)); do
		[ -e "$1" ] && return 0
		sleep 0.01
	done
	echo "lab: $1 never came" >&2
	return 1
}

# end_process PID: kill it and take its status, so that bash stays quiet
end_process() {
	kill -KILL "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

# background NETNS PEER-ARGUMENTS…: a peer that runs until the scenario ends,
# returns when it is ready.
background() {
	local netns=$1 ready
	shift
	BACKGROUND_COUNT=$((${BACKGROUND_COUNT:-0} + 1))
	ready=$WORK/ready.$BACKGROUND_COUNT
	in_netns "$netns" "$PEER" "$@" --ready "$ready" &
	undo end_process $!
	await_file "$ready"
}

# serve NETNS ADDRESS PORT… [OPTION…]
serve() {
	local netns=$1
	shift
	background "$netns" serve "$@"
}

# warm NETNS ADDRESS: make the neighbours on the way known. Nobody listens: refused.
warm() {
	in_netns "$1" "$PEER" connect "$2" 9 2>/dev/null || true
}

# ipt TOOL ARGUMENTS…: the iptables of the scenario's IP version, in the node.
# TOOL: iptables-legacy or iptables-nft
ipt() {
	local tool=$1
	shift
	[ "$IP_VERSION" = 4 ] || tool=${tool/iptables/ip6tables}
	in_netns node "$tool" -w 10 "$@"
}

# rule TOOL TABLE CHAIN RULE…: append an iptables rule until the scenario ends
rule() {
	local tool=$1 table=$2 chain=$3
	shift 3
	ipt "$tool" -t "$table" -A "$chain" "$@"
	undo ipt "$tool" -t "$table" -D "$chain" "$@"
}

# nft_chain HOOK PRIORITY [POLICY] [TYPE]: a base chain of our own nft table
nft_chain() {
	local hook=$1 priority=$2 policy=${3:-accept} type=${4:-filter}
	in_netns node nft add table inet lab_firewall
	undo in_netns node nft delete table inet lab_firewall
	in_netns node nft add chain inet lab_firewall "$hook" \
		"{ type $type hook $hook priority $priority; policy $policy; }"
}

nft_rule() {
	in_netns node nft add rule inet lab_firewall "$@"
}

# reject_words TOOL VERDICT: how each tool spells it for the scenario's IP version
reject_words() {
	local verdict=$2
	case $1:$verdict in
	nft:drop | nft:reject) echo "$verdict" ;;
	nft:tcp-reset) echo reject with tcp reset ;;
	nft:*) echo "reject with icmpx type ${verdict#icmp-}" ;;
	*:drop) echo -j DROP ;;
	*:reject) echo -j REJECT ;;
	*:tcp-reset) echo -j REJECT --reject-with tcp-reset ;;
	*) echo "-j REJECT --reject-with $verdict" ;;
	esac
}

# block TOOL HOOK VERDICT PROTO ADDRESS PORT: one firewall rule against one target.
# HOOK as in nft: input, forward, output. VERDICT: drop, reject, tcp-reset, or the
# tool's own word for an ICMP type.
block() {
	local tool=$1 hook=$2 verdict=$3 proto=$4 address=$5 port=$6 words
	read -ra words <<<"$(reject_words "$tool" "$verdict")"
	if [ "$tool" = nft ]; then
		nft_chain "$hook" filter
		nft_rule "$hook" "ip${IP_VERSION#4}" daddr "$address" "$proto" dport "$port" counter \
			"${words[@]}" comment '"lab firewall"'
	else
		rule "$tool" filter "${hook^^}" -d "$address" -p "$proto" --dport "$port" \
			-m comment --comment "lab firewall" "${words[@]}"
	fi
}

# cluster_ip PORT BACKEND BACKEND-PORT [PROTO]: a Service of one endpoint, as
# kube-proxy writes it, reachable from pods and from the node. The masquerade is
# what kube-proxy does for a pod that reaches itself or for --masquerade-all.
cluster_ip() {
	local port=$1 backend=$2 backend_port=$3 proto=${4:-tcp} to
	to=$backend:$backend_port
	[ "$IP_VERSION" = 4 ] || to="[$backend]:$backend_port"
	local chain
	for chain in PREROUTING OUTPUT; do
		rule iptables-nft nat "$chain" -d "$CLUSTER" -p "$proto" --dport "$port" \
			-m comment --comment "lab/svc:http cluster IP" -j DNAT --to-destination "$to"
	done
}

# masquerade: SNAT for pods that leave the node, as most clusters have it
masquerade() {
	local range=POD_CIDR$IP_VERSION
	rule iptables-nft nat POSTROUTING -s "${!range}" ! -o cni0 -j MASQUERADE
}

# route NETNS ACTION ROUTE…: `ip route`, in the scenario's IP version; with its undoing.
# Actions: add (undone by del), del (undone by add with the same words)
route() {
	local netns=${POD_NETNS[$1]:-$1} action=$2 inverse=del
	shift 2
	[ "$action" = add ] || inverse=add
	ip -n "$netns" "-$IP_VERSION" route "$action" "$@"
	undo ip -n "$netns" "-$IP_VERSION" route "$inverse" "$@"
}

# stranger HOW: what the node sends to $SILENT is answered by somebody who is no stack of this
# machine: rst, icmp (administratively prohibited) or syn-ack
stranger() {
	background upstream beyond beyond9 "$1"
	ip -n upstream link set beyond9 up
	ip -n upstream "-$IP_VERSION" route replace "$SILENT" dev beyond9
	undo ip -n upstream "-$IP_VERSION" route replace "$SILENT" dev void0
}

# sysctl_set NETNS NAME VALUE: with its undoing
sysctl_set() {
	local before
	before=$(in_netns "$1" sysctl -n "$2")
	sysctls "$1" "$2=$3"
	undo sysctls "$1" "$2=${before//$'\t'/ }"
}

# link_set NETNS DEVICE WHAT VALUE OLD-VALUE
link_set() {
	local netns=${POD_NETNS[$1]:-$1}
	ip -n "$netns" link set dev "$2" "$3" "$4"
	undo ip -n "$netns" link set dev "$2" "$3" "$5"
}

# between COMMAND…: run it between the client's handshake and its first data.
# Use with CLIENT_ARGS+=(--mark "$WORK/connected" --await "$WORK/broken").
between() {
	(
		for ((i = 0; i < 1000; i++)); do
			[ -e "$WORK/connected" ] && break
			sleep 0.01
		done
		"$@"
		: >"$WORK/broken"
	) &
	undo wait $!
}

# shellcheck shell=bash disable=SC2034
# For checks/hooks-*.sh: packet hooks in a chosen way, programs of "somebody else" beside them,
# and what the owners of those would look at. Everything is done at the node's second way to
# upstream, which carries nothing else.

HOOKS=$(dirname "$PEER")/hooks
[ -x "$HOOKS" ] || {
	echo "skip $CHECK: no $HOOKS"
	exit 0
}
command -v bpftool >/dev/null || {
	echo "skip $CHECK: no bpftool"
	exit 0
}
use v4
DEVICE=eth1 TARGET=$ROUTER_ALT4
PORT=8443     # nobody listens: RST
LENGTH=375    # frames that the foreign programs count: 333 bytes of UDP
PROBLEM=''

problem() {
	PROBLEM+="$*; "
}

conclude() {
	verdict "$1" "${PROBLEM:0:900}"
	PROBLEM=''
}

# run NAME COMMAND…: a driver in the node, in the background, that reads from a pipe.
# Sets PID_NAME and IN_NAME; output in $WORK/NAME.
declare -A RUN_PID=() RUN_IN=()
run() {
	local name=$1 fd
	shift
	rm -f "$WORK/$name.in" "$WORK/$name"
	mkfifo "$WORK/$name.in"
	nsenter --net=/run/netns/node -- "$HOOKS" "$@" <"$WORK/$name.in" >"$WORK/$name" 2>&1 &
	RUN_PID[$name]=$!
	exec {fd}>"$WORK/$name.in"
	RUN_IN[$name]=$fd
	poll 10 grep -q '^ready$' "$WORK/$name" || problem "$name: $(tr '\n' '|' <"$WORK/$name")"
}

# tell NAME LINE
tell() {
	echo "$2" >&"${RUN_IN[$1]}"
}

# finish NAME…: by SIGTERM, and waits for them
finish() {
	local name fd
	for name in "$@"; do
		fd=${RUN_IN[$name]}
		kill "${RUN_PID[$name]}" 2>/dev/null
		wait "${RUN_PID[$name]}" 2>/dev/null
		exec {fd}>&-
	done
}

murder() {
	local fd=${RUN_IN[$1]}
	kill -KILL "${RUN_PID[$1]}"
	wait "${RUN_PID[$1]}" 2>/dev/null
	exec {fd}>&-
}

# said NAME REGEX: a line of its output
said() {
	poll 3 grep -qE "$2" "$WORK/$1" || problem "$1 never said '$2': $(tail -n 4 "$WORK/$1" | tr '\n' '|')"
}

# A refused connection from the node: SYN out, RST in.
connection() {
	in_netns node "$PEER" connect "$TARGET" "$PORT" >/dev/null 2>&1
}

# sees NAME: watches both directions of a new connection
sees() {
	local from
	from=$(wc -l <"$WORK/$1")
	connection
	poll 3 seen_since "$1" "$from" "out .*> $TARGET:$PORT flags 2" || problem "$1 did not see the SYN"
	poll 3 seen_since "$1" "$from" "in $TARGET:$PORT > .* flags 20" ||
		problem "$1 did not see the RST, only $(tail -n +$((from + 1)) "$WORK/$1" | tr '\n' '|')"
}

seen_since() {
	tail -n +$(($2 + 1)) "$WORK/$1" | grep -qE "^packet $DEVICE $3"
}

# 20 datagrams of the length that is counted, out of and into the node
datagrams() {
	local data
	printf -v data '%333s' ''
	set -- "for i in {1..20}; do printf '%s' '$data' >/dev/udp/\$0/9; done"
	in_netns node bash -c "$1" "$TARGET" 2>/dev/null
	in_netns upstream bash -c "$1" "$NODE_ALT4" 2>/dev/null
}

# count NAME: what a foreign program has counted
count() {
	local from
	from=$(wc -l <"$WORK/$1")
	tell "$1" ''
	poll 3 counted_since "$1" "$from"
	tail -n 1 "$WORK/$1" | sed -n 's/^count //p'
}

counted_since() {
	tail -n +$(($2 + 1)) "$WORK/$1" | grep -q '^count '
}

# counts NAME…: each of these foreign programs counts 20 of 20 datagrams
counts() {
	local name before=() i=0
	for name in "$@"; do
		before+=("$(count "$name")")
	done
	datagrams
	for name in "$@"; do
		[ $(($(count "$name") - before[i])) = 20 ] ||
			problem "$name counted $(($(count "$name") - before[i])) of 20"
		i=$((i + 1))
	done
}

# Everything that owners of programs would look at. bpftool net shows who is attached.
state() {
	in_netns node tc -j qdisc show
	in_netns node tc -j filter show dev "$DEVICE" ingress
	in_netns node tc -j filter show dev "$DEVICE" egress
	in_netns node bpftool -j net
	in_netns node ip -j -d link show dev "$DEVICE" | jq 'del(.[].stats64)'
	in_netns node ethtool -k "$DEVICE" 2>/dev/null
}

# The same, without what is ours
foreign_state() {
	local way
	for way in ingress egress; do
		in_netns node tc filter show dev "$DEVICE" $way | sed 's/ jited.*//' |
			grep -v 'whydrop:' | grep 'handle'
	done
}

unchanged() {
	state >"$WORK/after"
	cmp -s "$WORK/before" "$WORK/after" ||
		problem "changed: $(diff "$WORK/before" "$WORK/after" | head -c 500)"
}

no_leftovers() {
	! in_netns node tc filter show dev "$DEVICE" ingress | grep -q whydrop ||
		problem "a filter is left at ingress"
	! in_netns node tc filter show dev "$DEVICE" egress | grep -q whydrop ||
		problem "a filter is left at egress"
}

has_clsact() {
	in_netns node tc qdisc show dev "$DEVICE" clsact | grep -q clsact
}

# The ways of this kernel besides XDP. (Not by a pipe into grep -q, which would end the trial.)
ways() {
	in_netns node "$HOOKS" trial "$DEVICE" >"$WORK/ways" 2>&1
	sed -n 's/^trial \(tcx\|clsact\) 0 .*/\1/p' "$WORK/ways"
}

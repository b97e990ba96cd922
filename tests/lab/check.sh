# shellcheck shell=bash disable=SC2034
# For the programs in checks/: the lab that they run in, and how to say what came
# of it. A check goes on after a failure, so no `set -e`; each prints its own lines.
set -uo pipefail

. "$LAB_SOURCE/net.sh"
. "$LAB_SOURCE/faults.sh"
addresses "$LAB_NUMBER"
. "$LAB/pods"
use v4

CHECK=$(basename "$0" .sh)
REFUSED_PORT=8443 # nobody listens there, anywhere in the lab

# verdict WHAT PROBLEM…: ok if there is no problem
verdict() {
	local what=$1
	shift
	if [ -z "$*" ]; then
		echo "ok $CHECK: $what"
	else
		echo "FAIL $CHECK: $what: $*"
	fi
}

# traced ARGUMENTS…: whydrop in the node, bounded
traced() {
	in_netns node timeout --kill-after=2 20 "$WHYDROP" "$@"
}

# refused FROM ADDRESS: one connection that ends in a finding, as a command line
refused() {
	COMMAND=(nsenter --net="$(netns_path "$1")" -- "$PEER" connect "$2" "$REFUSED_PORT")
}

# start NAME ARGUMENTS…: whydrop in the background. Sets PID (ours to wait for) and
# HOST_PID (for /proc, which is the host's). Output: $WORK/NAME.out, $WORK/NAME.err.
start() {
	local name=$1
	shift
	(
		read -r pid _ </proc/self/stat
		echo "$pid" >"$WORK/$name.pid"
		exec nsenter --net=/run/netns/node -- "$WHYDROP" "$@"
	) >"$WORK/$name.out" 2>"$WORK/$name.err" &
	PID=$!
	poll 5 test -s "$WORK/$name.pid"
	HOST_PID=$(<"$WORK/$name.pid")
}

# poll SECONDS COMMAND…: until it succeeds
poll() {
	local end=$((SECONDS + $1 + 1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || return 1
		sleep 0.02
	done
}

# A refused connection, again and again, until whydrop has written something.
provoke() {
	refused cart "${POD_IP[api]}"
	"${COMMAND[@]}" 2>/dev/null
	test -s "$1"
}

now_ms() {
	echo $((${EPOCHREALTIME/./} / 1000))
}

# stop SIGNAL: send it to PID and set STATUS and TOOK (ms)
stop() {
	local began
	began=$(now_ms)
	kill "-$1" "$PID"
	{ wait "$PID"; } 2>/dev/null
	STATUS=$?
	TOOK=$(($(now_ms) - began))
}

# no_control FILE: prints a complaint about bytes that could move a terminal
no_control() {
	! LC_ALL=C grep -q '[[:cntrl:]]' "$1" || echo "control bytes in the output"
}

# bpf_ids PID: "prog N" and "link N" of every BPF object that it holds open
bpf_ids() {
	sed -n 's/^prog_id:\t\([0-9]*\)/prog \1/p; s/^link_id:\t\([0-9]*\)/link \1/p' \
		"/proc/$1"/fdinfo/* 2>/dev/null | sort -u
}

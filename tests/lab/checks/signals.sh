#!/usr/bin/env bash
# SIGINT and SIGTERM end a trace in order and at once; SIGKILL leaves nothing in the kernel.
#
# People end a trace with ^C, the kubelet with SIGTERM and, when it is out of
# patience or memory, with SIGKILL. Programs that outlive their owner would slow the
# node for good, so the ids are taken from the process that held them: names would
# also match the whydrop of somebody else on this machine.
#
# Alone: it holds whydrop to half a second.
. "$LAB_SOURCE/check.sh"

ending() {
	local signal=$1 problem=''
	start "$signal" trace all --host-root "$HOST_ROOT" -o json
	poll 5 grep -q '"type":"start"' "$WORK/$signal.out" || problem+="no start line; "
	stop "$signal"
	[ $STATUS = 0 ] || problem+="status $STATUS; "
	((TOOK <= 500)) || problem+="took $TOOK ms; "
	[ "$(jq -rs 'last.type' "$WORK/$signal.out" 2>&1)" = end ] || problem+="no end line; "
	verdict "$signal, JSON" "$problem"

	problem=''
	start "$signal.text" trace all --host-root "$HOST_ROOT"
	poll 5 provoke "$WORK/$signal.text.out" || problem+="no finding; "
	stop "$signal"
	[ $STATUS = 0 ] || problem+="status $STATUS; "
	((TOOK <= 500)) || problem+="took $TOOK ms; "
	verdict "$signal, text" "$problem"
}

# gone: none of the ids in $1 is known to the kernel any more
gone() {
	local kind id
	while read -r kind id; do
		! bpftool "$kind" show id "$id" || return 1
	done <"$1"
}

killing() {
	local problem='' ids=$WORK/ids
	command -v bpftool >/dev/null || {
		echo "skip $CHECK: SIGKILL: no bpftool"
		return
	}
	start kill trace all --host-root "$HOST_ROOT" -o json
	poll 5 grep -q '"type":"start"' "$WORK/kill.out" || problem+="no start line; "
	bpf_ids "$HOST_PID" >"$ids"
	grep -q prog "$ids" || problem+="held no program; "
	grep -q link "$ids" || problem+="held no link: what attached is not tied to the process; "
	stop KILL
	# The kernel frees programs a grace period after the last reference.
	poll 3 gone "$ids" || problem+="still there: $(tr '\n' ' ' <"$ids")"
	verdict "SIGKILL leaves no program or link" "$problem"
}

ending INT
ending TERM
killing

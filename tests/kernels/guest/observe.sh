# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# One whydrop watches everything while the scenarios run, instead of one for each: to load and
# attach takes seconds on an emulated processor. What it says about a scenario is what concerns
# the scenario's client and target, as if that had been whydrop's target.

observer_start() {
	mkfifo "$LAB/observed"
	# both ends: neither side waits for the other
	exec {OBSERVED}<>"$LAB/observed"
	nsenter --net=/run/netns/node -- "$WHYDROP" trace all --host-root "$HOST_ROOT" -o json \
		>"$LAB/observed" 2>"$KEEP/observer.err" &
	OBSERVER=$!
	IFS= read -r -t 60 START <&"$OBSERVED"
	printf '%s\n' "$START" >"$KEEP/start.json"
}

# observer_stop: what it counted is kept
observer_stop() {
	local line
	kill -TERM $OBSERVER 2>/dev/null || true
	while IFS= read -r -t 5 line <&"$OBSERVED"; do
		echo "$line" >>"$KEEP/unclaimed"
		[[ $line != *'"type":"end"'* ]] || break
	done
	wait $OBSERVER || echo "observer: status $?" >"$KEEP/observer.status"
}

# concerns LINE: is it a finding about this scenario's client and target?
concerns() {
	[[ $1 == *'"type":"finding"'* ]] || return 1
	if [ "${TARGETS[0]}" = "$DST" ]; then # every port
		[[ $1 == *"\"target\":{\"ip\":\"$DST\","* ]] || return 1
	else
		[[ $1 == *"\"target\":{\"ip\":\"$DST\",\"port\":$DPORT"[,}]* ]] || return 1
	fi
	[[ $1 == *"\"pid\":$CLIENT_PID,"* || $1 != *'"process":{'* ]]
}

# next_line SECONDS: the next whole line, in LINE. A read that times out within a line keeps what
# it has got for the next one.
OBSERVED_REST=''
next_line() {
	local part=''
	if IFS= read -r -t "$1" part <&"$OBSERVED"; then
		LINE=$OBSERVED_REST$part OBSERVED_REST=''
		return 0
	fi
	OBSERVED_REST+=$part
	return 1
}

# listen SECONDS DONE: keep what comes, until nothing has come for so long, or DONE is yes
# and the final word has been said
listen() {
	while next_line "$1"; do
		if ! concerns "$LINE"; then
			printf '%s\n' "$LINE" >>"$WORK/others"
			continue
		fi
		printf '%s\n' "$LINE" >>"$WORK/stdout"
		[ "$2" = no ] || [[ $LINE != *'"final":true'* ]] || return 0
	done
}

# own_whydrop NAME: has this scenario a whydrop of its own? It needs one if it wants options, and if
# its connection stalls: that goes on in the kernel when the client has given up, and the last word
# about it is said when whydrop ends with the client. Where an answer must not be too sure, whydrop
# must know no more than it does in the lab: while it watches everything, its packet hooks are there.
own_whydrop() {
	[ ${#OPTIONS[@]} -gt 0 ] || [ "$MAX_CONFIDENCE" != certain ] ||
		[[ $PROTO = tcp && $CLIENT_SAYS = NO-ANSWER ]] || [[ $1 = where-nat-unknown-* ]]
}

observe() {
	client_command
	CLIENT_PID=0 # nobody's: what still comes concerns the scenario before
	listen 0.01 no
	: >"$WORK/stdout"
	# nsenter and peer run in the same process, one after the other
	"${COMMAND[@]}" >"$WORK/client" 2>&1 &
	CLIENT_PID=$!
	wait $CLIENT_PID || true
	# a false answer would come up to two seconds later, and an emulated processor is slow
	if [ "$FINDINGS" = 0 ]; then listen 5 no; else listen 15 yes; fi
	want >"$WORK/want"
}

# What the host must know to judge; see judge_output in the lab's scenario.sh.
want() {
	local client_ip=${POD_IP[$FROM]:-} namespace=${POD_NAMESPACE[$FROM]:-} pod=${POD_NAME[$FROM]:-}
	declare -p FINDINGS NEVER PROTO DST DPORT FROM client_ip namespace pod CAUSE OUTCOME \
		MIN_CONFIDENCE MAX_CONFIDENCE EXPECT CLIENT_SAYS START
}

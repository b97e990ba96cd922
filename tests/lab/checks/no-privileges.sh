#!/usr/bin/env bash
# Without capabilities whydrop says which it needs; with CAP_BPF and CAP_PERFMON it starts.
#
# In a cluster it runs as a plain user with a few capabilities, and the first thing
# that goes wrong is a securityContext. The answer must be the missing words, not an
# errno of bpf(2).
. "$LAB_SOURCE/check.sh"

# The checkout may be closed to other users: take a copy that is not.
cp "$WHYDROP" "$LAB/whydrop" && chmod 755 "$LAB/whydrop"
PLAIN=(setpriv --reuid 65532 --regid 65532 --clear-groups)

in_netns node "${PLAIN[@]}" --inh-caps=-all --bounding-set=-all timeout 10 "$LAB/whydrop" \
	trace all --duration 1s >"$WORK/out" 2>"$WORK/err"
status=$?
problem=''
[ $status = 3 ] || problem+="status $status; "
[ ! -s "$WORK/out" ] || problem+="wrote to stdout; "
for word in CAP_BPF CAP_PERFMON; do
	grep -q $word "$WORK/err" || problem+="does not name $word; "
done
verdict "no capabilities" "${problem:+$problem$(head -c 300 "$WORK/err")}"

# Before 5.11 BPF maps count against the limit of locked memory, and raising that takes
# another capability.
ulimit -l unlimited
CAPS=-all,+bpf,+perfmon
in_netns node "${PLAIN[@]}" --inh-caps=$CAPS --ambient-caps=$CAPS --bounding-set=$CAPS \
	timeout 10 "$LAB/whydrop" trace all --duration 1s -o json >"$WORK/out" 2>"$WORK/err"
status=$?
problem=''
[ $status = 0 ] || problem+="status $status; "
[ "$(jq -rs 'first.type + " " + last.type' "$WORK/out" 2>&1)" = "start end" ] ||
	problem+="no start and end; "
verdict "CAP_BPF and CAP_PERFMON" "${problem:+$problem$(head -c 300 "$WORK/err")}"

#!/usr/bin/env bash
# --duration, --fail-on-finding, and a command that cannot be run.
. "$LAB_SOURCE/check.sh"

refused cart "${POD_IP[api]}"

# --duration without a command: what happens meanwhile is found.
began=$(now_ms)
start duration trace "${POD_IP[api]}" --host-root "$HOST_ROOT" -o json --duration 3s
problem=''
poll 5 grep -q '"type":"start"' "$WORK/duration.out" || problem+="no start line; "
"${COMMAND[@]}" 2>/dev/null
wait "$PID"
status=$? took=$(($(now_ms) - began))
[ $status = 0 ] || problem+="status $status; "
((took >= 3000 && took <= 6000)) || problem+="took $took ms; "
[ "$(jq -rs 'map(select(.type == "finding" and .final)) | length' "$WORK/duration.out" 2>&1)" = 1 ] ||
	problem+="not one finding; "
verdict "--duration 3s" "$problem"

# ends STATUS ARGUMENTS…
ends() {
	local want=$1 status
	shift
	traced trace "${POD_IP[api]}" --host-root "$HOST_ROOT" "$@" >"$WORK/out" 2>"$WORK/err"
	status=$?
	[ $status = "$want" ] && status='' || status="status $status, not $want: $(head -c 300 "$WORK/err")"
	verdict "$(printf '%q ' "${@:1:3}")" "$status"
}
ends 0 -- "${COMMAND[@]}"
ends 1 --fail-on-finding -- "${COMMAND[@]}"
ends 0 --fail-on-finding -- true
ends 0 -- false

# The command's own output must not mix with the results.
traced trace "${POD_IP[api]}" --host-root "$HOST_ROOT" -o json -- echo from the command \
	>"$WORK/out" 2>"$WORK/err"
problem=''
! grep -q 'from the command' "$WORK/out" || problem+="it is in stdout; "
grep -q 'from the command' "$WORK/err" || problem+="it is not in stderr; "
verdict "the command's stdout goes to stderr" "$problem"

traced trace all -- /nonexistent/program >"$WORK/out" 2>"$WORK/err"
status=$?
problem=''
[ $status != 0 ] || problem+="status 0; "
grep -q /nonexistent/program "$WORK/err" || problem+="does not name it; "
verdict "a command that does not exist" "$problem"

#!/usr/bin/env bash
# A reader that goes away ends the trace; colour only where a person looks at it.
. "$LAB_SOURCE/check.sh"

# head takes the first line and is gone; the next finding must end whydrop, long
# before its --duration does.
began=$(now_ms)
problem=''
{
	traced trace all --host-root "$HOST_ROOT" -o json --duration 15s 2>"$WORK/err"
	echo $? >"$WORK/status"
} | head -n 1 >"$WORK/out" &
reader=$!
refused cart "${POD_IP[api]}"
again() {
	"${COMMAND[@]}" 2>/dev/null
	test -s "$WORK/status"
}
poll 10 again || problem+="still there after $(($(now_ms) - began)) ms; "
wait $reader
status=$(cat "$WORK/status" 2>/dev/null)
case $status in
0 | 1 | 141) ;;
*) problem+="status $status; " ;;
esac
[ "$(jq -r .type "$WORK/out" 2>&1)" = start ] || problem+="the first line is not start; "
verdict "stdout closed early" "$problem"

traced trace "${POD_IP[api]}" --host-root "$HOST_ROOT" -- "${COMMAND[@]}" >"$WORK/text" 2>"$WORK/err"
problem=$(no_control "$WORK/text")
[ -s "$WORK/text" ] || problem+="no text; "
verdict "piped text has no escape bytes" "$problem"

command -v script >/dev/null || {
	echo "skip $CHECK: colours: no script(1) to make a terminal"
	exit 0
}
on_terminal() {
	in_netns node env "$@" TERM=xterm timeout 20 script -qec \
		"$(printf '%q ' "$WHYDROP" trace "${POD_IP[api]}" --host-root "$HOST_ROOT" -- "${COMMAND[@]}")" \
		/dev/null </dev/null 2>&1
}
on_terminal >"$WORK/colour"
grep -q $'\e\[' "$WORK/colour" && problem='' || problem="none"
verdict "colour on a terminal" "$problem"
on_terminal NO_COLOR=1 >"$WORK/plain"
problem=''
! grep -q $'\e' "$WORK/plain" || problem="escape bytes"
[ -s "$WORK/plain" ] || problem="no text"
verdict "NO_COLOR on a terminal" "$problem"

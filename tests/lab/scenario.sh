# shellcheck shell=bash
# Runs one scenario and judges what whydrop said about it.
#
# A scenario is scenarios/NAME.sh, sourced in a subshell. It sets variables and
# may define functions; only TITLE, DST and DPORT are needed:
#
#   variants()      prints the members of a family, one a line; $VARIANT is then
#                   set when the file is sourced, and the name is NAME-VARIANT
#   TITLE           one line for the demo: what we broke
#   FROM            client: a pod's short name, node, or upstream  (cart)
#   DST, DPORT      what the client connects to; whydrop's target, too
#   PROTO           tcp or udp  (tcp)
#   CLIENT          peer's command  (connect)
#   CLIENT_ARGS     more arguments for it
#   CLIENT_SAYS     the client's last word: proves that the fault really bites
#   TARGETS         whydrop's targets, if not DST:DPORT
#   OPTIONS         more options for whydrop
#   setup           function; its helpers (faults.sh) undo themselves
#   FINDINGS        how many final findings there must be  (1)
#   CAUSE, OUTCOME  what the finding must say; several allowed, by spaces
#   MAX_CONFIDENCE, MIN_CONFIDENCE  possible < likely < certain
#   EXPECT          jq filter on the final finding, must be true
#   NEVER           causes that no finding, not even an interim one, may name
#   MIN_SECONDS     the fault takes so long: only a hint for the order of the run
#   DEMO            set: shown by --demo, in the order of the number
#   skip            function: prints why this machine cannot run it, or nothing
#
# Every finding is held to more than that: who (pod, process), to what (target),
# one `start`, one `end`, interim findings that belong to a final one, and no
# control bytes. See judge.jq.

scenario_defaults() {
	TITLE='' FROM=cart DST='' DPORT='' PROTO=tcp CLIENT=connect CLIENT_ARGS=() CLIENT_SAYS=ok
	TARGETS=() OPTIONS=() FINDINGS=1 CAUSE='' OUTCOME='' MAX_CONFIDENCE=certain MIN_CONFIDENCE=possible
	EXPECT=true NEVER='' MIN_SECONDS=0 DEMO=''
	setup() { :; }
	skip() { :; }
	variants() { :; }
}

# scenario_names: every scenario, with its file, variant, weight and demo number
scenario_list() {
	local file name variant all
	for file in "$LAB_SOURCE"/scenarios/*.sh; do
		name=$(basename "$file" .sh)
		# A family sets everything from $VARIANT: it is sourced once for its
		# list, where half of that is unset, then once for each member.
		mapfile -t all < <(set +u && scenario_load "$file" "" && variants)
		for variant in "${all[@]:-}"; do
			(
				scenario_load "$file" "$variant"
				printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$name${variant:+-$variant}" "$file" \
					"${variant:--}" "$MIN_SECONDS" "${DEMO:--}" "$TITLE"
			)
		done
	done
}

# scenario_load FILE VARIANT
scenario_load() {
	VARIANT=$2
	[ "$VARIANT" != - ] || VARIANT=''
	scenario_defaults
	use v4
	# shellcheck source=/dev/null
	. "$1"
}

# target ADDRESS PORT: as whydrop takes it
target() {
	case $1 in
	*:*) echo "[$1]:$2" ;;
	*) echo "$1:$2" ;;
	esac
}

client_command() {
	COMMAND=(nsenter --net="$(netns_path "$FROM")" -- "$PEER" "$CLIENT" "$DST" "$DPORT")
	[ "$PROTO" = tcp ] || COMMAND+=(--udp)
	COMMAND+=("${CLIENT_ARGS[@]}" --report "$WORK/word")
	[ ${#TARGETS[@]} -gt 0 ] || TARGETS=("$(target "$DST" "$DPORT")")
}

whydrop() {
	nsenter --net=/run/netns/node -- timeout --kill-after=5 60 "$WHYDROP" "$@"
}

# Runs the client under whydrop. For the demo a second whydrop watches the same
# connection and writes text to the screen: what is shown is what is asserted.
reproduce() {
	local status=0
	client_command
	if [ "$MODE" = faults ]; then
		timeout --kill-after=1 60 "${COMMAND[@]}" >"$WORK/stdout" 2>"$WORK/stderr" || true
		return
	fi
	if [ "$MODE" = demo ]; then
		# sh: the outer whydrop would send what the inner one writes to stderr.
		whydrop trace --host-root "$HOST_ROOT" "${OPTIONS[@]}" "${TARGETS[@]}" -- \
			sh -c 'out=$1 err=$2; shift 2; exec "$@" >"$out" 2>"$err"' \
			sh "$WORK/stdout" "$WORK/stderr" \
			"$WHYDROP" trace --host-root "$HOST_ROOT" -o json "${OPTIONS[@]}" "${TARGETS[@]}" -- "${COMMAND[@]}" \
			2>"$WORK/stderr.text" || status=$?
	else
		whydrop trace --host-root "$HOST_ROOT" -o json "${OPTIONS[@]}" "${TARGETS[@]}" -- "${COMMAND[@]}" \
			>"$WORK/stdout" 2>"$WORK/stderr" || status=$?
	fi
	[ $status = 0 ] || blame "whydrop ended with status $status"
}

# blame TEXT: one more thing that is wrong with this scenario
blame() {
	BLAME+=("$*")
}

judge_client() {
	local word=nothing
	[ -s "$WORK/word" ] && word=$(<"$WORK/word")
	[ "$word" = "$CLIENT_SAYS" ] || blame "the client said $word, not $CLIENT_SAYS"
}

judge_output() {
	local want complaint
	if LC_ALL=C grep -q '[[:cntrl:]]' "$WORK/stdout"; then
		blame "control bytes in the output"
	fi
	want=$(jq -n '$ARGS.named' --arg findings "$FINDINGS" --arg never "$NEVER" \
		--arg proto "$PROTO" --arg ip "$DST" --arg port "$DPORT" --arg from "$FROM" \
		--arg client_ip "${POD_IP[$FROM]:-}" --arg namespace "${POD_NAMESPACE[$FROM]:-}" \
		--arg pod "${POD_NAME[$FROM]:-}" --arg cause "$CAUSE" --arg outcome "$OUTCOME" \
		--arg min "$MIN_CONFIDENCE" --arg max "$MAX_CONFIDENCE" --arg expect "$EXPECT")
	jq -rs --argjson want "$want" "def expected: $EXPECT; $(<"$LAB_SOURCE/judge.jq")" \
		"$WORK/stdout" >"$WORK/complaints" 2>"$WORK/jq" ||
		blame "the output is not JSON: $(tail -n1 "$WORK/jq")"
	while IFS= read -r complaint; do
		blame "$complaint"
	done <"$WORK/complaints"
}

judge() {
	judge_client
	[ "$MODE" = faults ] || judge_output
}

# What a scenario could leave behind for the next one. Names of empty tables stay
# when a rule goes, so only rules, routes, addresses and devices count. (Sysctls are
# left out: reading them all takes longer than most scenarios, and only sysctl_set
# changes any.) One `ip -batch` for each namespace: this runs after every scenario.
fingerprint() {
	local netns tool version
	for tool in iptables-legacy ip6tables-legacy iptables-nft ip6tables-nft; do
		in_netns node "$tool-save" 2>/dev/null | grep '^-A' || true
	done
	in_netns node nft list tables | grep lab_ || true
	for netns in node upstream "${POD_NETNS[@]}"; do
		for version in 4 6; do
			printf '%s\n' 'route show table all' rule addr |
				ip -n "$netns" "-$version" -o -batch - | sed 's/ expires [^ ]*//
					s/ state [A-Z]* / /; s/valid_lft.*//' | sort
		done
	done
}

settle() {
	local netns version
	in_netns node conntrack -F >/dev/null 2>&1 || true
	for netns in node upstream "${POD_NETNS[@]}"; do
		for version in 4 6; do
			printf '%s\n' 'route flush cache' 'tcp_metrics flush' |
				ip -n "$netns" "-$version" -batch - 2>/dev/null
		done
	done
}

# scenario_run NAME FILE VARIANT: prints the verdict, returns nothing of it
scenario_run() {
	local name=$1 why started
	started=${EPOCHREALTIME/./}
	WORK=$LAB/work/$name
	BLAME=()
	mkdir -p "$WORK"
	scenario_load "$2" "$3"
	why=$(skip)
	if [ -n "$why" ]; then
		say "skip $name: $why"
		return
	fi
	[ "$MODE" != demo ] || printf '\n\e[1m%s\e[0m\n' "$TITLE" | colour
	# Under set -e any failing command ends this subshell; say so, and tidy up.
	trap 'blame "the lab failed at: $BASH_COMMAND"; undo_all >>"$WORK/setup" 2>&1; report "$name" "$started"' EXIT
	setup >"$WORK/setup" 2>&1
	reproduce
	judge
	undo_all >>"$WORK/setup" 2>&1
	settle
	if [ "$(fingerprint | sha256sum)" != "$FINGERPRINT" ]; then
		blame "left something behind in the node"
		fingerprint >"$WORK/fingerprint"
	fi
	trap - EXIT
	report "$name" "$started"
}

report() {
	local took=$(((${EPOCHREALTIME/./} - $2) / 100000)) reasons
	took="$((took / 10)).$((took % 10)) s"
	if [ ${#BLAME[@]} = 0 ]; then
		say "ok $1 ($took)"
		rm -rf "${WORK:?}"
		return
	fi
	printf -v reasons '%s; ' "${BLAME[@]}"
	{
		echo "FAIL $1: ${reasons%; }"
		for file in setup stdout stderr; do
			[ ! -s "$WORK/$file" ] || sed "s/^/  $file: /" "$WORK/$file" | cut -c1-6000 | tail -n 20
		done
	} >"$WORK/verdict"
	say_file "$WORK/verdict"
}

# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# An apt beside the machine's own: other suites, other architecture, own lists and cache.

# Where this machine has its Debian from; $1 is the label in the archive's Release.
mirror() {
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
		awk -F'|' -v label="$1" '$1 == "Debian" && $2 == label { print $3; exit }'
}

keyring() {
	local file=/usr/share/keyrings/debian-archive-keyring.gpg
	[ -s $file ] || { echo "no $file (package debian-archive-keyring)" >&2 && return 1; }
	echo $file
}

# private_apt_new DIR ARCH SUITE…
private_apt_new() {
	local dir=$1 arch=$2 main security suite key
	shift 2
	PRIVATE_APT=$dir
	main=$(mirror Debian)
	security=$(mirror Debian-Security)
	key=$(keyring)
	[ -n "$main" ] || { echo "apt knows no Debian mirror here: run apt-get update" >&2 && return 1; }
	mkdir -p "$dir"/{state/lists/partial,cache/archives/partial,parts}
	: >"$dir/status"
	for suite; do
		echo "deb [arch=$arch signed-by=$key] $main $suite main"
		case $suite in
		*-backports | sid) ;;
		*) [ -z "$security" ] || echo "deb [arch=$arch signed-by=$key] $security $suite-security main" ;;
		esac
	done >"$dir/sources.list"
	# apt reads the machine's configuration first (proxies stand there), then this
	cat >"$dir/apt.conf" <<-CONF
		APT::Architecture "$arch";
		APT::Architectures { "$arch"; };
		APT::Default-Release "";
		APT::Get::Download-Only "true";
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Acquire::Retries "3";
		Dir::State "$dir/state";
		Dir::State::status "$dir/status";
		Dir::Cache "$dir/cache";
		Dir::Etc::sourcelist "$dir/sources.list";
		Dir::Etc::sourceparts "$dir/parts";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "$dir/parts";
	CONF
}

# private_apt get|cache ARGUMENTS…
private_apt() {
	local tool=apt-$1
	shift
	APT_CONFIG=$PRIVATE_APT/apt.conf "$tool" "$@"
}

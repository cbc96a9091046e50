#!/bin/sh
# root.sh FILE: an archive of a clean Debian with what a user of a package has (man, bash-completion, ssh), if FILE is not there.
set -eu
suite=bookworm
[ $# = 1 ] || { echo "usage: root.sh FILE" >&2; exit 1; }
mkdir -p "$(dirname "$1")"
exec 9>"$1.lock"
flock 9
[ ! -e "$1" ] || exit 0
[ "$(id -u)" = 0 ] || { echo "root.sh: building needs root, for debootstrap" >&2; exit 1; }
PATH=$PATH:/usr/sbin:/sbin
command -v debootstrap >/dev/null || { echo "root.sh: not found: debootstrap" >&2; exit 1; }
mirror=${CTYS_TEST_MIRROR:-}
[ -n "$mirror" ] || mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
	awk -v suite=$suite '$1 == suite { print $2; exit }')
[ -n "$mirror" ] || { echo "root.sh: apt has no mirror of $suite; CTYS_TEST_MIRROR names one" >&2; exit 1; }
work=$(mktemp -d "$1.XXXXXX")
trap 'rm -rf "$work"' EXIT
debootstrap --variant=minbase --include=openssh-client,man-db,bash-completion,iproute2,libssl3,zlib1g "$suite" "$work/root" "$mirror" >&2
rm -rf "$work/root/var/cache/apt" "$work/root/var/lib/apt/lists"
tar -C "$work/root" --one-file-system -cf "$work/tar" .
mv "$work/tar" "$1"

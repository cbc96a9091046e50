#!/bin/bash
# Records what the real tools print, for the tests of plugins/xen, on a dom0 that runs (dom0.sh start PORT).
#
#   record.sh [--cache FOLDER] PORT [CAPTURES [PART…]]     about 9 minutes
#
# CAPTURES is by default the plugin's folder; the parts are the files of record/: syntax, accounts, errors, domains, killed.
# One case is up to three files, byte by byte: TOOL-VERSION-CASE.out and .err, each only if something was printed there,
# and .status. The configuration that a dry run reads is the .conf beside them. durations.txt tells how long each took.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dom0=("$here/dom0.sh")
if [ "${1:-}" = --cache ]; then
	dom0+=(--cache "$2")
	shift 2
fi
[ $# -ge 1 ] || { sed -n 4p "$0" >&2 && exit 2; }
to=${2:-$here/../../plugins/xen/captures}
parts=("${@:3}")
[ ${#parts[@]} -gt 0 ] || parts=(syntax accounts errors domains killed)

mkdir -p "$to"
"${dom0[@]}" ssh "$1" 'rm -rf /tmp/captures'
for part in lib "${parts[@]}"; do
	"${dom0[@]}" ssh "$1" "cat >/tmp/record-$part" <"$here/record/$part.sh"
done
for part in "${parts[@]}"; do
	echo "record.sh: $part"
	"${dom0[@]}" ssh "$1" "bash -c 'set -euo pipefail; . /tmp/record-lib; . /tmp/record-$part'" </dev/null
done
"${dom0[@]}" ssh "$1" 'tar -C /tmp/captures -cf - .' | tar -C "$to" --no-same-owner -xf -
echo "record.sh: $(find "$to" -name '*.status' | wc -l) cases in $to"

#!/bin/bash
# Records what the real tools print, for the tests of plugins/xen, on a dom0 that runs (dom0.sh start PORT).
#
#   record.sh [--cache FOLDER] PORT [CAPTURES]     about 8 minutes; the captures' folder is by default the plugin's
#
# One case is up to three files, byte by byte: TOOL-VERSION-CASE.out and .err, each only if something was printed there,
# and .status. The configuration that a dry run reads is the .conf beside them. durations.txt tells how long each took.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dom0=("$here/dom0.sh")
if [ "${1:-}" = --cache ]; then
	dom0+=(--cache "$2")
	shift 2
fi
[ $# = 1 ] || [ $# = 2 ] || { sed -n 4p "$0" >&2 && exit 2; }
to=${2:-$here/../../plugins/xen/captures}

mkdir -p "$to"
for part in lib domains errors accounts syntax; do
	"${dom0[@]}" ssh "$1" "cat >/tmp/record-$part" <"$here/record/$part.sh"
done
for part in syntax accounts errors domains; do
	echo "record.sh: $part"
	"${dom0[@]}" ssh "$1" "bash -euo pipefail -c '. /tmp/record-lib; . /tmp/record-$part'" </dev/null
done
"${dom0[@]}" ssh "$1" 'tar -C /tmp/captures -cf - .' | tar -C "$to" --no-same-owner -xf -
echo "record.sh: $(find "$to" -name '*.status' | wc -l) cases in $to"

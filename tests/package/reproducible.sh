#!/bin/sh
# reproducible.sh: builds the last commit twice, in two folders, and says whether program, plugins and package are the same byte for
# byte. It takes as long as two whole builds, so no test calls it.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d "${TMPDIR:-/tmp}/ctys-reproducible.XXXXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
unset CARGO_TARGET_DIR
for folder in one another/place; do
	mkdir -p "$work/$folder"
	git archive HEAD | tar -x -C "$work/$folder"
	(cd "$work/$folder" && ./package "$work/$folder/out" >&2)
	(cd "$work/$folder" && sha256sum target/release/ctys target/release/lib*_*.so out/*.deb) >"$work/sums.$(basename "$folder")"
done
cat "$work/sums.one"
cmp "$work/sums.one" "$work/sums.place" || { cat "$work/sums.place"; exit 1; }

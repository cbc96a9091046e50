# Runs in the dom0, before the other parts.
export LC_ALL=C
captures=/tmp/captures
mkdir -p "$captures"
cd /root || exit

# record CASE WORD…: one command, its three files and its duration.
rm -rf XX
record() {
	local file=$captures/$1 status=0 begin
	shift
	begin=$(date +%s%N)
	"$@" >"$file.out" 2>"$file.err" </dev/null || status=$?
	echo "$status" >"$file.status"
	find "$file.out" "$file.err" -empty -delete
	printf '%6.1f s  %s\n' "$(($(date +%s%N) - begin))e-9" "${file##*/}" >>"$captures/durations.txt"
}

# until_list PATTERN: waits until a line of `xl list` is so; at most about two minutes.
until_list() {
	local n=0
	until xl list | grep -Eq "$1"; do
		n=$((n + 1))
		if [ $n -gt 300 ]; then
			xl list >&2
			echo "no line of xl list is like $1" >&2
			return 1
		fi
		sleep 0.2
	done
}
until_gone() { while xl domid "$1" >/dev/null 2>&1; do sleep 0.2; done; }

# watch_list CASE: adds what `xl list` shows to the case, if anything but the times has changed.
watch_list() {
	xl list >/tmp/seen 2>&1 || true
	sed 's/ [0-9.]*$//' /tmp/seen >/tmp/seen.short
	if ! cmp -s /tmp/seen.short "/tmp/seen.$1"; then
		cat /tmp/seen >>"$captures/xl-4.17-list-$1.out"
		cp /tmp/seen.short "/tmp/seen.$1"
	fi
}

# xl_state CASE: everything that tells the state of all domains.
xl_state() {
	record "xl-4.17-list-$1" xl list
	record "xl-4.17-list-v-$1" xl list -v
	record "xl-4.17-list-l-$1" xl list -l
}

create() { xl create -q "$@" >/dev/null; }
destroy() {
	xl destroy "$1"
	until_gone "$1"
}
tst100=xen/tst-ctys/tst100/tst100.conf
tst101=xen/tst-ctys/tst101/tst101.conf
tst104=xen/tst-ctys/tst104/tst104.conf

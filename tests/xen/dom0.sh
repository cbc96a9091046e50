#!/bin/bash
# A real Xen 4.17 with a Debian 12 dom0, inside QEMU without hardware virtualisation, reached by ssh on loopback.
#
#   dom0.sh [--cache FOLDER] build               make the image from Debian's packages, if it is not there yet
#   dom0.sh [--cache FOLDER] start PORT [NAME]   build if needed, boot, wait until `ssh` and `xl` answer
#   dom0.sh [--cache FOLDER] run   PORT [NAME]   the same, say "ready: SSH_CONFIG", and stop at the end of stdin
#   dom0.sh [--cache FOLDER] stop  PORT          stop the one on that port
#   dom0.sh [--cache FOLDER] ssh   PORT WORD…    a command in that dom0, as root
#   dom0.sh [--cache FOLDER] where               print the cache folder
#   dom0.sh [--cache FOLDER] clean               remove the cache folder
#
# NAME is lab00 (the default) to lab09. All instances share one cache and differ in the port. Each writes nothing but
# its folder CACHE/run-PORT; its ssh_config there knows NAME and the key of the host. The cache is by default a folder
# per version of the image, in $CTYS_TEST_CACHE or ~/.cache/ctys-tests. What is inside is told in README.md.
#
# Needs on Debian 12: qemu-system-x86 debootstrap cpio kmod openssh-client, and root (or sudo) for `build`. The packages
# come from the archive apt is set up with, or from $CTYS_TEST_MIRROR.
#
# Costs: about 100 s and 150 MB of packages to build, 20 s and 1.3 GiB of memory to run, about 1 s for a command of xl.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
wait_seconds=${CTYS_TEST_XEN_WAIT:-240}

# What QEMU 7.2 emulates, less
#   AVX and XSAVE: with them the dom0's user space is corrupted as soon as a guest runs beside it (segmentation faults
#                  in xl, bash and qemu, a broken xenstored), in 4 of 5 rounds of create and destroy; without, in none;
#   rdtscp:        Xen cannot decode that exit of a PVH guest ("Insn mismatch"), which then crawls;
#   erms, la57:    slow under emulation, and of no use.
# KVM is no way out in a virtual machine: where it interprets ring 0 in software, Xen stops at its first rdsspq.
cpu=max,-la57,-avx,-avx2,-f16c,-fma,-xsave,-xsaveopt,-pku,-mpx,-rdtscp,-erms

# MiB. The dom0 needs some 100, a guest takes 128 and qemu for its frame buffer 40 of the dom0's.
memory=1024
dom0_memory=448

die() {
	echo "dom0.sh: $*" >&2
	exit 1
}
say() { echo "dom0.sh: $*"; }
usage() {
	sed -n '2,/^$/{/^#/!q;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" | sed -n 3,9p >&2
	exit 2
}

main() {
	cache=
	if [ "${1:-}" = --cache ]; then
		[ $# -ge 2 ] || usage
		cache=$2
		shift 2
	fi
	[ -n "$cache" ] || cache=$(default_cache)
	cache=$(realpath -m "$cache")
	case "${1:-} $#" in
		"build 1") "$here/image.sh" "$cache" ;;
		"start 2" | "start 3") start "$2" "${3:-lab00}" ;;
		"run 2" | "run 3") run "$2" "${3:-lab00}" ;;
		"stop 2") stop "$2" ;;
		"stop-at-end 2") stop_at_end "$2" ;;
		"ssh "*)
			[ $# -ge 3 ] || usage
			exec ssh -F "$cache/run-$2/ssh_config" "$(cat "$cache/run-$2/name")" "${@:3}"
			;;
		"where 1") echo "$cache" ;;
		"clean 1") clean ;;
		*) usage ;;
	esac
}

default_cache() {
	local sum
	sum=$(cd "$here" && find image.sh image -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum)
	echo "${CTYS_TEST_CACHE:-$HOME/.cache/ctys-tests}/xen-${sum:0:12}"
}

# The process of the instance in folder $1, if it is still the one that was started there.
process() {
	local pid
	pid=$(cat "$1/pid" 2>/dev/null) || return 1
	tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF "file,id=console,path=$1/console.log" || return 1
	echo "$pid"
}

start() {
	claim "$1" "$2"
	boot
	wait_until_ready
}

run() {
	claim "$1" "$2"
	boot
	# Who stops it is a process in a session of its own: nothing sent to the group of the test ends that one, and it sees
	# the end of stdin as soon as nobody is left who could write, however the test ended. By way of 3, as the stdin of a
	# background command is /dev/null.
	exec 3<&0
	setsid "$here/dom0.sh" --cache "$cache" stop-at-end "$port" <&3 >/dev/null &
	local watcher=$!
	trap 'kill "$watcher"; stop "$port" >/dev/null; exit 130' INT TERM HUP
	wait_until_ready
	echo "ready: $folder/ssh_config"
	wait "$watcher"
}

stop_at_end() {
	while read -r _; do :; done
	stop "$1"
}

# claim PORT NAME: the folder of a new instance.
claim() {
	port=$1 name=$2
	case $port in *[!0-9]* | '') die "not a port: $port" ;; esac
	case $name in lab0[0-9]) ;; *) die "not a name from lab00 to lab09: $name" ;; esac
	"$here/image.sh" "$cache"
	folder=$cache/run-$port
	if process "$folder" >/dev/null; then die "port $port: already running, process $(cat "$folder/pid")"; fi
	rm -rf "$folder"
	mkdir "$folder"
	client_files
}

# The host's key is that of the image; nothing has to be taken on trust.
client_files() {
	echo "$name" >"$folder/name"
	echo "[127.0.0.1]:$port $(cat "$cache/host_key.pub")" >"$folder/known_hosts"
	cat >"$folder/ssh_config" <<-END
		Host $name
		    HostName 127.0.0.1
		    Port $port
		    User root
		    IdentityFile "$cache/id_ed25519"
		    IdentitiesOnly yes
		    IdentityAgent none
		    UserKnownHostsFile "$folder/known_hosts"
		    GlobalKnownHostsFile none
		    StrictHostKeyChecking yes
		    BatchMode yes
		    LogLevel ERROR
	END
	chmod 600 "$cache/id_ed25519" "$folder/ssh_config"
}

# The addresses are those of the seed's laboratory: a network of its own for each instance, with nothing on it but the
# dom0 and its guests (restrict=on). Only the one forwarded port leads in, and only from loopback.
boot() {
	local number=${name#lab0} mac
	local address=192.168.1.$((71 + number))
	mac=$(printf '00:0e:0c:35:f8:%02x' $((0x48 + number)))
	local xen_line="dom0_mem=${dom0_memory}M,max:${dom0_memory}M dom0_max_vcpus=1 console=com1 com1=115200"
	xen_line+=" loglvl=warning guest_loglvl=warning bootscrub=0 xpti=off spec-ctrl=no smap=off smep=off"
	local linux_line="console=hvc0 quiet mitigations=off nokaslr rodata=off cryptomgr.notests tsc=reliable audit=0"
	linux_line+=" apparmor=0 8250.nr_uarts=0 random.trust_cpu=on panic=5 lab_name=$name lab_address=$address"
	(
		# Multiboot's -initrd is a list with commas: names without any, hence relative ones.
		cd "$cache"
		TMPDIR=$folder exec setsid qemu-system-x86_64 -nodefaults -no-user-config -machine pc -cpu "$cpu" \
			-accel tcg,thread=multi -smp 1 -m "$memory" -display none -no-reboot \
			-kernel xen -append "$xen_line" -initrd "vmlinux $linux_line,initrd" \
			-drive file=root.img,format=raw,if=none,id=disk,snapshot=on,cache=unsafe \
			-device virtio-blk-pci,drive=disk \
			-netdev "user,id=net,restrict=on,net=192.168.1.0/24,hostfwd=tcp:127.0.0.1:$port-$address:22" \
			-device "virtio-net-pci,netdev=net,mac=$mac,romfile=" \
			-chardev "file,id=console,path=$folder/console.log" -serial chardev:console \
			</dev/null >"$folder/qemu.log" 2>&1
	) &
	echo $! >"$folder/pid"
	SECONDS=0
	# Its end is no news for the shell to tell.
	disown
	# From fork to exec it is a copy of this shell, which `process` does not know.
	until process "$folder" >/dev/null || ! kill -0 $! 2>/dev/null; do sleep 0.05; done
}

wait_until_ready() {
	local probe='n=0; until [ -s /run/xen-ready ]; do [ $((n += 1)) -lt 60 ] && sleep 0.2 || exit 1; done'
	until timeout 60 ssh -F "$folder/ssh_config" -o ConnectTimeout=20 "$name" "$probe" 2>/dev/null </dev/null; do
		if ! process "$folder" >/dev/null; then
			cat "$folder/qemu.log" >&2
			tail -20 "$folder/console.log" >&2 || true
			die "QEMU has ended"
		fi
		if [ "$SECONDS" -gt "$wait_seconds" ]; then
			tail -20 "$folder/console.log" >&2
			stop "$port"
			die "no answer within $wait_seconds s (CTYS_TEST_XEN_WAIT)"
		fi
		sleep 0.5
	done
	say "$name on 127.0.0.1:$port answers after $SECONDS s (process $(cat "$folder/pid"))"
}

stop() {
	local folder=$cache/run-$1 pid
	if pid=$(process "$folder"); then
		# Nothing in it is kept: there is nothing to shut down in order.
		kill -KILL "$pid"
		while [ -d "/proc/$pid" ] && grep -q '^State:.[^Z]' "/proc/$pid/status" 2>/dev/null; do sleep 0.05; done
		say "stopped process $pid"
	else
		say "port $1: not running"
	fi
	rm -rf "$folder"
}

clean() {
	local folder
	for folder in "$cache"/run-*; do
		if process "$folder" >/dev/null; then die "still running: $folder"; fi
	done
	rm -rf "$cache"
}

main "$@"

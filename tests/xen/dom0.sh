#!/bin/bash
# A real Xen 4.17 with a Debian 12 dom0, inside QEMU without hardware virtualisation, reached by ssh on loopback.
#
#   dom0.sh [--cache FOLDER] build               make the image from Debian's packages, if it is not there yet
#   dom0.sh [--cache FOLDER] start PORT [NAME]   build if needed, boot, wait until `ssh` and `xl` answer
#   dom0.sh [--cache FOLDER] run   PORT [NAME]   the same, say "ready", and stop at the end of standard input
#   dom0.sh [--cache FOLDER] stop  PORT          stop the one on that port
#   dom0.sh [--cache FOLDER] ssh   PORT WORD…    a command in that dom0, as root
#   dom0.sh [--cache FOLDER] where               print the cache folder
#   dom0.sh [--cache FOLDER] clean               remove the cache folder
#
# NAME is lab00 (the default) to lab09. All instances share one cache and differ in the port. Each writes nothing but
# its folder CACHE/run-PORT; its ssh_config there knows NAME and the key of the host. The cache is by default a folder
# per version of this bed, in $CTYS_TEST_CACHE or ~/.cache/ctys-tests. What is inside is told in README.md.
#
# Needs on Debian 12: qemu-system-x86 debootstrap cpio kmod openssh-client, and root (or sudo) for `build`. The packages
# come from the archive apt is set up with, or from $CTYS_TEST_MIRROR.
#
# Costs: about 100 s and 150 MB of packages to build, 20 s and 1.3 GiB of memory to run, about 1 s for a command of xl.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
suite=bookworm
xen=4.17
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
	local cache=
	if [ "${1:-}" = --cache ]; then
		[ $# -ge 2 ] || usage
		cache=$2
		shift 2
	fi
	[ -n "$cache" ] || cache=$(default_cache)
	cache=$(realpath -m "$cache")
	case "${1:-} $#" in
		"build 1") build ;;
		"start 2" | "start 3") start "$2" "${3:-lab00}" ;;
		"run 2" | "run 3") run "$2" "${3:-lab00}" ;;
		"stop 2") stop "$2" ;;
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
	sum=$(cd "$here" && find dom0.sh image -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum)
	echo "${CTYS_TEST_CACHE:-$HOME/.cache/ctys-tests}/xen-${sum:0:12}"
}

# ---------------------------------------------------------------- build

build() {
	if [ -e "$cache/ready" ]; then return; fi
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || die "building needs root (for debootstrap), and there is no sudo"
		mkdir -p "$cache"
		sudo -n env "CTYS_TEST_MIRROR=${CTYS_TEST_MIRROR:-}" "$here/dom0.sh" --cache "$cache" build
		sudo -n chown -R "$(id -u):$(id -g)" "$cache"
		return
	fi
	# In a shell of its own, for the trap and the lock.
	(build_as_root)
}

build_as_root() {
	local tool
	PATH=$PATH:/usr/sbin:/sbin
	for tool in debootstrap mke2fs cpio gzip modprobe depmod ssh-keygen qemu-system-x86_64; do
		command -v "$tool" >/dev/null || die "not found: $tool"
	done
	mkdir -p "$cache"
	exec 9>"$cache/lock"
	flock 9
	# Somebody else may have built it while this one waited for the lock.
	if [ -e "$cache/ready" ]; then return; fi
	rm -rf "$cache"/work.*
	work=$(mktemp -d "$cache/work.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	root=$work/root kernel=$work/kernel
	packages
	kernel_files
	version=$(basename "$(echo "$kernel"/lib/modules/*)")
	stage1
	guest
	dom0
	thin_out
	disk
	mv "$work"/{xen,vmlinux,initrd,root.img,packages.txt,id_ed25519,id_ed25519.pub,host_key.pub} "$cache/"
	touch "$cache/ready"
	say "built in $SECONDS s, $(du -sm --exclude='work.*' "$cache" | cut -f1) MiB: $cache"
}

# Debian's packages, into $root. No systemd and no udev: libxl runs the hot-plug scripts itself.
packages() {
	local mirror=${CTYS_TEST_MIRROR:-}
	[ -n "$mirror" ] || mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
		awk -v suite=$suite '$1 == suite { print $2; exit }')
	[ -n "$mirror" ] || die "apt knows no archive of Debian's $suite: name one in CTYS_TEST_MIRROR"
	say "packages of $suite"
	debootstrap --variant=minbase --include="$(paste -sd, <<-END
		openssh-server
		xen-hypervisor-$xen-amd64
		xen-utils-$xen
		xenstore-utils
		qemu-system-xen
		iproute2
		iputils-ping
		busybox-static
		kmod
		sudo
		opendoas
	END
	)" "$suite" "$root" "$mirror" >"$cache/debootstrap.log" 2>&1 || {
		tail -5 "$cache/debootstrap.log" >&2
		die "debootstrap failed; its words are in $cache/debootstrap.log"
	}
}

# The hypervisor and the kernel, unpacked: QEMU does not unpack the first, and xz under emulation would take longer for
# the second than all the rest of the boot. Not linux-image-cloud-amd64: it has no CONFIG_XEN_DOM0.
kernel_files() {
	local package
	package=$(chroot "$root" apt-cache depends linux-image-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
	mkdir -p "$kernel" "$root/tmp/kernel"
	chroot "$root" sh -c "cd /tmp/kernel && apt-get -o APT::Sandbox::User=root download $package" \
		>>"$cache/debootstrap.log" 2>&1 || die "the package $package cannot be had; see $cache/debootstrap.log"
	dpkg-deb --fsys-tarfile "$root"/tmp/kernel/*.deb | tar -x -C "$kernel"
	[ -e "$kernel/lib" ] || ln -s usr/lib "$kernel/lib"
	depmod -b "$kernel" "$(basename "$(echo "$kernel"/lib/modules/*)")"
	gzip -dc "$root"/boot/xen-*-amd64.gz >"$work/xen"
	cp "$kernel"/boot/vmlinuz-* "$root/tmp/kernel/vmlinuz"
	chroot "$root" python3 - <<-'END'
		import lzma
		packed = open('/tmp/kernel/vmlinuz', 'rb').read()
		start = packed.find(b'\xfd7zXZ\x00')
		if start < 0: raise SystemExit('the kernel is not packed with xz')
		unpacked = lzma.LZMADecompressor(format=lzma.FORMAT_XZ).decompress(packed[start:])
		open('/tmp/kernel/vmlinux', 'wb').write(unpacked)
	END
	mv "$root/tmp/kernel/vmlinux" "$work/vmlinux"
	{
		chroot "$root" dpkg-query -W -f '${Package} ${Version}\n'
		echo "$package"
	} >"$work/packages.txt"
	rm -rf "$root/tmp/kernel"
	say "kernel $package after $SECONDS s"
}

# modules FOLDER NAME…: these modules and what they need, into FOLDER.
modules() {
	local to=$1 file name
	shift
	for name; do
		# insmod /path/to/x.ko, or: builtin x
		modprobe -d "$kernel" -S "$version" --show-depends "$name" || die "no kernel module $name"
	done | awk '$1 == "insmod" { print $2 }' | sort -u | while read -r file; do
		install -D -m 644 "$file" "$to/${file#"$kernel/"}"
	done
	for name in modules.builtin modules.builtin.modinfo modules.order; do
		install -D -m 644 "$kernel/lib/modules/$version/$name" "$to/lib/modules/$version/$name"
	done
	depmod -b "$to" "$version"
}

# put FOLDER TO: the files of image/FOLDER, as root's.
put() { cp -r --no-preserve=ownership "$here/image/$1/." "$2/"; }

pack() { (cd "$1" && find . | cpio -o -H newc --quiet); }

# The first initrd: the disk, and on.
stage1() {
	local to=$work/stage1
	mkdir -p "$to"/{bin,dev,proc,sys,mnt}
	cp "$root/bin/busybox" "$to/bin/"
	modules "$to" virtio_pci virtio_blk ext4 crc32c_generic
	put stage1 "$to"
	chmod 755 "$to/init"
	pack "$to" >"$work/initrd"
}

# What every guest boots: the same kernel, and a small world in memory.
guest() {
	local to=$work/guest
	mkdir -p "$to"/{bin,sbin,dev,proc,sys,etc,root,tmp,www,usr/bin,usr/sbin}
	cp "$root/bin/busybox" "$to/bin/"
	modules "$to" xen-netfront
	chroot "$to" /bin/busybox --install -s
	put guest "$to"
	chmod 755 "$to/etc/rc"
	ln -sf ../bin/busybox "$to/sbin/init"
	ln -s sbin/init "$to/init"
	mkdir -p "$root/var/lib/ctys-test"
	pack "$to" >"$root/var/lib/ctys-test/initramfs"
	cp "$work/vmlinux" "$root/var/lib/ctys-test/"
}

dom0() {
	modules "$root" virtio_pci virtio_blk virtio_net ext4 crc32c_generic \
		xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xenfs xen-netback xen-blkback bridge tun loop
	cp "$root/bin/busybox" "$root/sbin/init"
	mv "$root/etc/xen/scripts/vif-bridge" "$root/etc/xen/scripts/vif-bridge.debian"
	put dom0 "$root"
	chmod 755 "$root"/etc/ctys-test/* "$root/etc/xen/scripts/vif-bridge"
	chmod 440 "$root/etc/sudoers.d/acue"
	chmod 600 "$root/etc/doas.conf"
	mkdir -p "$root/var/log/xen/console" "$root/dev/pts" "$root/dev/shm"
	sed -i 's/^#\?autoballoon=.*/autoballoon="off"/; s/^#\?vif.default.bridge=.*/vif.default.bridge="xenbr0"/' \
		"$root/etc/xen/xl.conf"
	rm -f "$root"/etc/ssh/ssh_host_*
	ssh-keygen -q -t ed25519 -N '' -C host -f "$root/etc/ssh/ssh_host_ed25519_key"
	cut -d' ' -f1,2 "$root/etc/ssh/ssh_host_ed25519_key.pub" >"$work/host_key.pub"
	ssh-keygen -q -t ed25519 -N '' -C tests -f "$work/id_ed25519"
	install -m 644 "$work/id_ed25519.pub" "$root/etc/ssh/authorized_keys"
	chroot "$root" groupadd -g 1000 ldapusers
	local user
	for user in acue chkusr; do
		chroot "$root" useradd -m -k /nonexistent -g ldapusers -s /bin/bash "$user"
		# An account without a password is "locked" for sshd; one with a password nobody knows is not.
		chroot "$root" usermod -p '*' "$user"
		put home "$root/home/$user"
		chroot "$root" chown -R "$user:" "/home/$user"
		"$here/image/home.sh" "$root/home/$user" "$(chroot "$root" id -u "$user")"
	done
	put home "$root/root"
	"$here/image/home.sh" "$root/root" 0
	mkdir "$root/srv/copies"
	put copies "$root/srv/copies"
	truncate -s 4M "$root/srv/disk.img"
}

# What a dom0 for tests does not need. Perl and Python go with it: of the tool stack only pygrub wants one.
thin_out() {
	(
		cd "$root"
		rm -rf boot/* var/cache/* var/lib/apt var/lib/dpkg/info usr/lib/apt usr/bin/apt* usr/include \
			usr/share/{bash-completion,bug,debconf,doc,gcc,i18n,info,iso-codes,lintian,locale,man,perl*,python*,xml,zoneinfo} \
			usr/lib/python3* usr/bin/python3* usr/bin/perl* usr/lib/x86_64-linux-gnu/{dri,gconv,perl*,libLLVM*,libicudata*} \
			var/lib/dpkg/*-old
		find var/log -type f -delete
	)
}

disk() {
	local used
	used=$(du -sm "$root" | cut -f1)
	say "a tree of $used MiB after $SECONDS s"
	# Room for the state files of `xl save`; a hole until used.
	truncate -s $((used + 500))M "$work/root.img"
	mke2fs -q -t ext4 -m 0 -O ^has_journal,^metadata_csum -E lazy_itable_init=1,root_owner=0:0 -d "$root" "$work/root.img"
}

# ---------------------------------------------------------------- run

# The process of the instance in folder $1, if it is still the one that was started there.
process() {
	local pid
	pid=$(cat "$1/pid" 2>/dev/null) || return 1
	tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF "file,id=console,path=$1/console.log" || return 1
	echo "$pid"
}

start() {
	claim "$1" "$2"
	launch
}

run() {
	claim "$1" "$2"
	# However this ends, the instance goes with it.
	trap 'stop "$port" >/dev/null' EXIT
	trap 'exit 130' INT TERM HUP
	launch
	echo ready
	cat >/dev/null
}

# claim PORT NAME: the folder of a new instance.
claim() {
	port=$1 name=$2
	case $port in *[!0-9]* | '') die "not a port: $port" ;; esac
	case $name in lab0[0-9]) ;; *) die "not a name from lab00 to lab09: $name" ;; esac
	build
	folder=$cache/run-$port
	if process "$folder" >/dev/null; then die "port $port: already running, process $(cat "$folder/pid")"; fi
	rm -rf "$folder"
	mkdir "$folder"
}

launch() {
	client_files
	SECONDS=0
	boot
	wait_until_ready
	say "$name on 127.0.0.1:$port answers after $SECONDS s (process $(cat "$folder/pid"))"
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

#!/bin/bash
# image.sh FOLDER: builds the image of a Xen dom0 from Debian's packages, for dom0.sh, if it is not there yet.
#
# FOLDER gets: xen and vmlinux (unpacked), initrd, root.img (a sparse ext4), the host's public key, a key that opens all
# accounts, and packages.txt. What is inside is told in README.md.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
suite=bookworm
xen=4.17

die() {
	echo "image.sh: $*" >&2
	exit 1
}
say() { echo "image.sh: $*"; }

main() {
	[ $# = 1 ] || die "usage: image.sh FOLDER"
	cache=$(realpath -m "$1")
	if [ -e "$cache/ready" ]; then return; fi
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || die "building needs root (for debootstrap), and there is no sudo"
		mkdir -p "$cache"
		sudo -n env "CTYS_TEST_MIRROR=${CTYS_TEST_MIRROR:-}" "$here/image.sh" "$cache"
		sudo -n chown -R "$(id -u):$(id -g)" "$cache"
		return
	fi
	local tool
	PATH=$PATH:/usr/sbin:/sbin
	for tool in debootstrap mke2fs cpio gzip modprobe depmod ssh-keygen; do
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
		krb5-user
		krb5-kdc
		krb5-admin-server
		xauth
		tigervnc-viewer
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
	modules "$to" xen-netfront xen-fbfront
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

# What a dom0 for tests does not need. Python goes with it: of the tool stack only pygrub wants it. Perl stays, as every
# Debian has it: without it a walk through folders costs a process for each file.
thin_out() {
	(
		cd "$root"
		rm -rf boot/* var/cache/* var/lib/apt var/lib/dpkg/info usr/lib/apt usr/bin/apt* usr/include \
			usr/share/{bash-completion,bug,debconf,doc,gcc,i18n,info,iso-codes,lintian,locale,man,perl*,python*,xml,zoneinfo} \
			usr/lib/python3* usr/bin/python3* usr/lib/x86_64-linux-gnu/{dri,gconv,libLLVM*,libicudata*} \
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

main "$@"

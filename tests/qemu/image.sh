#!/bin/sh
# image.sh FOLDER: the kernel and the initramfs of the tests' QEMU guests, of Debian's packages, if they are not there yet.
# Needs no root. Packages: apt, dpkg, cpio, gzip.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# = 1 ] || { echo "usage: image.sh FOLDER" >&2; exit 1; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
exec 9>"$folder/lock"
flock 9
[ ! -e "$folder/ready" ] || exit 0
rm -rf "$folder/work"
mkdir -p "$folder/work/root/bin" "$folder/work/root/dev" "$folder/work/root/proc" "$folder/work/root/sys" \
	"$folder/work/root/etc" "$folder/work/root/tmp"
cd "$folder/work"
# A kernel for machines like ours: small, with a serial console built in.
package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
[ -n "$package" ] || { echo "image.sh: apt knows no linux-image-cloud-amd64; apt-get update?" >&2; exit 1; }
apt-get -o APT::Sandbox::User="$(id -un)" -qq download "$package" busybox-static >&2
for file in ./*.deb; do dpkg-deb -x "$file" packages; done
cp packages/boot/vmlinuz-* "$folder/vmlinuz"
cp packages/bin/busybox root/bin/
for module in button evdev; do find packages -name "$module.ko" -exec cp {} root/ \;; done
[ -e root/button.ko ] && [ -e root/evdev.ko ] || { echo "image.sh: $package has no module for the power button" >&2; exit 1; }
cp "$here/image/init" root/init
chmod 755 root/init
(cd root && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) | gzip -1n >"$folder/initrd"
cd /
rm -rf "$folder/work"
touch "$folder/ready"

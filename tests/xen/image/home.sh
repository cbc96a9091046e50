#!/bin/bash
# home.sh HOME UID: makes HOME/odd, the files that a plugin meets in the wild and that have no place in a repository.
set -euo pipefail
home=$1/odd uid=$2

# config FOLDER FILE NAME LAST-BYTE LINE…: a configuration that xl accepts, with more lines at its end.
config() {
	local folder=$home/$1 file=$2 name=$3 byte=$4
	shift 4
	mkdir -p "$folder"
	cat >"$folder/$file" <<-END
		#@#MAGICID-XEN
		#@#LABEL = "$name"
		#@#IP0   = "192.168.1.1$byte"

		name = "$name"
		uuid = "6842caf9-1e3e-4324-9ed5-96b8b9f2c5$byte"
		type = "pv"
		kernel = "/var/lib/ctys-test/vmlinux"
		ramdisk = "/var/lib/ctys-test/initramfs"
		memory = 128
		vif = [ "mac=00:50:56:13:11:$byte,bridge=xenbr0" ]
		$(printf '%s\n' "$@")
	END
}
# extra NAME LAST-BYTE MORE: the kernel's command line.
extra() { echo "extra = \"console=hvc0 quiet mitigations=off panic=1 guest=$1 addr=192.168.1.1$2/24 $3\""; }

config "it's a \"lab\" \$HOME" "odd one.conf" odd-one 50 "$(extra odd-one 50 '')"
config $'two\nlines' two-lines.conf two-lines 51 "$(extra two-lines 51 '')"
config $'not-utf-8-\377' not-utf-8.conf not-utf-8 52 "$(extra not-utf-8 52 '')"
# Several cards; one of them without an address.
config cards cards.conf cards 53 "$(extra cards 53 '')" \
	'#@#IP1 = "192.168.1.154%255.255.255.0%%eth1,192.168.1.155"' \
	'vif = [ "mac=00:50:56:13:11:53,bridge=xenbr0", "mac=00:50:56:13:11:54,bridge=xenbr0", "bridge=xenbr0" ]'
# A file as its disk.
config disk disk.conf disk 56 "$(extra disk 56 '')" "disk = [ \"format=raw,vdev=xvda,access=rw,target=/srv/disk.img\" ]"
# Stays as a crashed domain, as one that is off, and starts over and over again.
config crashed crashed.conf crashed 57 "$(extra crashed 57 then=crash)" 'on_crash = "preserve"'
config kept kept.conf kept 58 "$(extra kept 58 then=poweroff)" 'on_poweroff = "preserve"'
# What xl refuses.
config broken broken.conf broken 60 "vif = [ \"mac=00:50:56:13:11:60\""
config no-kernel no-kernel.conf no-kernel 61 'kernel = "/nowhere/vmlinux"'
config no-bridge no-bridge.conf no-bridge 62 'vif = [ "mac=00:50:56:13:11:62,bridge=nowhere" ]'
config too-big too-big.conf too-big 63 'memory = 65536'
# Not to be listed.
config noenum noenum.conf noenum 64 '#@#MAGICID-NOENUM'
# No mark of ours, but more than four of Xen's keys; and no Xen file at all.
config unmarked unmarked.conf unmarked 65 && sed -i '/^#@#/d' "$home/unmarked/unmarked.conf"
mkdir -p "$home/other" && printf 'name = "other"\nmemory = 128\n[server]\nuuid = none\n' >"$home/other/other.conf"
# A link that leads into itself, and one that leads nowhere.
ln -s .. "$home/other/round.conf"
ln -s nowhere "$home/other/gone.conf"

chown -hR "$uid" "$home"
# Root's, and nobody else's: a file, and a whole folder.
config locked locked.conf locked 66
chmod 600 "$home/locked/locked.conf"
config sealed sealed.conf sealed 67
chmod 700 "$home/sealed"
chown -R 0:0 "$home/locked" "$home/sealed"
